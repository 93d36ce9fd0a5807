#include "daemon/metrics_server.hpp"

#include <utility>

namespace wgbfd {

MetricsServer::MetricsServer(boost::asio::io_context& context, Events events)
    : context_{context}, events_{std::move(events)}, slice_{context, [this] { slice(); }} {}

void MetricsServer::follow(const std::optional<std::string>& listen) {
    if (http_ && listen == http_->address()) return;
    http_.reset();
    if (!listen) return;
    Http::Events events;
    events.metrics = [this](Http::Reply reply) { scrape(std::move(reply)); };
    events.on_note = [this](const std::string& note) { events_.on_note("metrics " + note); };
    http_ = std::make_unique<Http>(context_, *listen, view::Metrics::content_type, std::move(events));
}

std::optional<std::string> MetricsServer::problem() const {
    if (!http_ || http_->problem().empty()) return std::nullopt;
    return http_->problem();
}

void MetricsServer::scrape(Http::Reply reply) {
    waiting_.push_back(std::move(reply));
    if (page_) return;
    page_ = events_.on_scrape();
    slice_.expire_after({});
}

void MetricsServer::slice() {
    if (page_->step()) return slice_.expire_after({});
    const auto text = std::make_shared<const std::string>(std::move(*std::exchange(page_, nullptr)).take());
    for (const auto& reply : std::exchange(waiting_, {})) reply(text);
}

}  // namespace wgbfd
