// /metrics: every number of `status`, by the conventions of Prometheus: base units (seconds, bytes), counters end in
// _total. An adjacency is one label set {adjacency, interface}; what identifies it further stands once, in
// wgbfd_adjacency_info. The page is made in slices, so that whoever makes it can do other things in between.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
    // Takes the values: what `rows` point to may go.
    Metrics(const Process& process, const FailoverTimes& failovers, std::span<const control::Row> rows);
    Metrics(const Metrics&) = delete;
    Metrics& operator=(const Metrics&) = delete;
    ~Metrics();

    static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";
    bool step();  // renders one slice; false: that was the last
    std::string take() &&;

private:
    struct Pages;
    std::unique_ptr<Pages> pages_;
};

}  // namespace view
