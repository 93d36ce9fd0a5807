// [metrics] listen: answers scrapes. A page is made in slices between the turns of the control thread; scrapes that
// come meanwhile get the same one. The probe thread has no part in it: its counters are read as they stand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "daemon/http.hpp"
#include "io/timer.hpp"
#include "view/metrics.hpp"

namespace wgbfd {

class MetricsServer {
public:
    static constexpr std::size_t rows_in_a_slice = 16;

    struct Events {
        std::function<std::unique_ptr<view::Metrics>()> on_scrape;  // takes the values of this moment
        std::function<void(const std::string&)> on_note;
    };
    MetricsServer(boost::asio::io_context& context, Events events);

    void follow(const std::optional<std::string>& listen);  // harmless when nothing changed
    std::optional<std::string> problem() const;

private:
    void scrape(Http::Reply reply);
    void slice();

    boost::asio::io_context& context_;
    Events events_;
    std::unique_ptr<view::Metrics> page_;  // in the making
    std::vector<Http::Reply> waiting_;
    io::Timer slice_;
    std::unique_ptr<Http> http_;
};

}  // namespace wgbfd
