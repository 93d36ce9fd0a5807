#include "daemon/status_server.hpp"

#include <utility>

namespace wgbfd {

StatusServer::StatusServer(boost::asio::io_context& context, Events events)
    : events_{std::move(events)}, slice_{context, [this] { slice(); }} {}

void StatusServer::ask(Reply reply) {
    waiting_.push_back(std::move(reply));
    if (!page_) slice_.expire_after({});
}

void StatusServer::slice() {
    if (!page_) {
        page_ = std::make_unique<view::StatusPage>(events_.on_begin());
        at_ = {};
        asked_ = std::exchange(waiting_, {});
        return slice_.expire_after({});
    }
    if (const auto rows = events_.on_rows(at_)) {
        page_->add(*rows);
        return slice_.expire_after({});
    }
    auto text = std::move(*std::exchange(page_, nullptr)).take();
    const auto asked = std::exchange(asked_, {});
    for (std::size_t i = 1; i < asked.size(); ++i) asked[i](text);
    asked.front()(std::move(text));
    if (!waiting_.empty()) slice_.expire_after({});
}

}  // namespace wgbfd
