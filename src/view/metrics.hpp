// /metrics: every number of `status`, by the conventions of Prometheus: base units (seconds, bytes), counters end in
// _total. An adjacency is one label set {adjacency, interface}; what identifies it further stands once, in
// wgbfd_adjacency_info. The page is made in slices, so that whoever makes it can do other things in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "control/controller.hpp"
#include "view/histogram.hpp"
#include "view/status.hpp"

namespace view {

// From the verdict to the first and to the last prefix that left.
struct FailoverTimes {
    FailoverTimes();
    void observe(const control::Failover& failover);
    Histogram first, last;
};

class Metrics {
public:
    // The next rows; nothing: those were all. Their values are taken at once: what they point to may go.
    using Source = std::function<std::optional<std::vector<control::Row>>()>;
    Metrics(const Process& process, const FailoverTimes& failovers, Source source);
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;
    ~Metrics();

    static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";
    bool step();  // takes or renders one slice; false: that was the last
    std::string take() &&;

private:
    struct Pages;
    std::unique_ptr<Pages> pages_;
    Source source_;  // empty: all rows are here
};

}  // namespace view
