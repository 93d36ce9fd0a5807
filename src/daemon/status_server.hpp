// Answers `status`: a page is made in slices between the turns of the control thread. Who asks while one is made gets
// the next, so that nobody is told what was true before he asked.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "control/controller.hpp"
#include "io/timer.hpp"
#include "view/status.hpp"

namespace wgbfd {

class StatusServer {
public:
    static constexpr std::size_t rows_in_a_slice = 16;

    struct Events {
        std::function<view::Process()> on_begin;
        // The next; nothing: those were all.
        std::function<std::optional<std::vector<control::Row>>(control::RowsAt&)> on_rows;
    };
    using Reply = std::function<void(std::string json)>;
    StatusServer(boost::asio::io_context& context, Events events);

    void ask(Reply reply);

private:
    void slice();

    Events events_;
    std::unique_ptr<view::StatusPage> page_;  // in the making
    control::RowsAt at_;
    std::vector<Reply> asked_;    // for it
    std::vector<Reply> waiting_;  // for the next
    io::Timer slice_;
};

}  // namespace wgbfd
