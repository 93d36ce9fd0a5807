#include "daemon/route_sources.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "kernel/route_message.hpp"

namespace wgbfd {
namespace {

using namespace std::chrono_literals;
using control::RouteSource;

constexpr auto zebra_comes_within = 10s;  // it tries every 3 s

base::TimePoint steady_now() { return std::chrono::steady_clock::now(); }

// Routes go with it, and the kernel does not say so: it went down, or lost an address.
bool lost_something(const adjacency::Link& before, const adjacency::Link* after) {
    if (after == nullptr || (before.up && !after->up)) return true;
    return std::ranges::any_of(before.addresses, [&](const adjacency::LinkAddress& address) {
        return std::ranges::find(after->addresses, address.local, &adjacency::LinkAddress::local) ==
               after->addresses.end();
    });
}

std::set<std::uint32_t> vrf_tables(const std::vector<adjacency::Link>& links) {
    std::set<std::uint32_t> out;
    for (const auto& link : links)
        if (link.vrf_table != 0) out.insert(link.vrf_table);
    return out;
}

}  // namespace

RouteSources::RouteSources(boost::asio::io_context& context, control::Convergence& convergence, Events events)
    : context_{context},
      convergence_{convergence},
      events_{std::move(events)},
      sweep_{context, [this] { sweep(); }},
      again_{context, [this] { follow_kernel(); }} {}

void RouteSources::follow(bool wanted, const std::optional<std::string>& fpm) {
    sweep_later();  // reports that were closed leave something behind
    if (std::exchange(wanted_, wanted) == wanted && fpm_address_ == fpm) return;
    if (!wanted || fpm != fpm_address_) fpm_.reset();
    fpm_address_ = fpm;
    if (!wanted) {
        leave_kernel();
        convergence_.begin(RouteSource::none, false);
        convergence_.end();
        return sweep_later();
    }
    if (fpm_address_ && !fpm_) listen();
    if (!fpm_ || fpm_->client().empty()) follow_kernel();
}

void RouteSources::listen() {
    frr::Fpm::Events events;
    events.on_open = [this] {
        leave_kernel();
        convergence_.begin(RouteSource::fpm, false);
    };
    events.on_message = [this](const io::NetlinkMessage& message) {
        if (kernel::decode_route_change(message, change_)) on_change(change_);
    };
    events.on_settled = [this] { on_settled(); };
    events.on_replayed = [this] {
        convergence_.end();
        sweep_later();
    };
    events.on_closed = [this] { follow_kernel(); };
    events.on_note = events_.on_note;
    listening_since_ = steady_now();
    fpm_ = std::make_unique<frr::Fpm>(context_, *fpm_address_, std::move(events));
}

void RouteSources::follow_kernel() try {
    if (kernel_) return;
    kernel::RouteEvents::Events events;
    events.on_begin = [this](bool lost) { convergence_.begin(RouteSource::kernel, lost); };
    events.on_change = [this](const adjacency::RouteChange& change) { on_change(change); };
    events.on_settled = [this] { on_settled(); };
    events.on_end = [this] {
        convergence_.end();
        sweep_later();
    };
    kernel_ = std::make_unique<kernel::RouteEvents>(context_, std::move(events),
                                                    kernel::RouteEvents::default_receive_buffer, vrf_tables(links_));
    kernel_problem_.clear();
} catch (const std::system_error& error) {
    kernel_problem_ = std::string{"routes: "} + error.what() + ": tried again every 3 s";
    again_.expire_after(3s);
}

void RouteSources::leave_kernel() {
    again_.cancel();
    kernel_problem_.clear();
    if (!kernel_) return;
    resyncs_ += kernel_->resyncs();
    kernel_.reset();
}

void RouteSources::on_change(const adjacency::RouteChange& change) { convergence_.change(steady_now(), change); }

void RouteSources::on_settled() {
    const auto now = steady_now();
    convergence_.settle(now);
    sweep_later();
    if (convergence_.is_due(now)) events_.on_due();
}

void RouteSources::sweep_later() {
    if (convergence_.wants_sweep() && !sweep_.is_armed()) sweep_.expire_after(0s);
}

void RouteSources::sweep() {
    const auto now = steady_now();
    convergence_.sweep(now);
    sweep_later();
    if (convergence_.is_due(now)) events_.on_due();
}

void RouteSources::on_links(const std::vector<adjacency::Link>& links) {
    const bool lost = std::ranges::any_of(links_, [&](const adjacency::Link& before) {
        if (!convergence_.uses(before.index)) return false;
        const auto after = std::ranges::find(links, before.index, &adjacency::Link::index);
        return lost_something(before, after == links.end() ? nullptr : &*after);
    });
    links_ = links;
    if (kernel_) kernel_->on_vrfs(vrf_tables(links_));
    if (lost && kernel_) kernel_->read_again();
}

view::Routes RouteSources::status() const {
    view::Routes out;
    out.source = convergence_.source();
    out.routes = convergence_.routes();
    out.refused = convergence_.refused();
    out.bytes = convergence_.bytes();
    out.complete = convergence_.is_complete();
    out.resyncs = resyncs_ + (kernel_ ? kernel_->resyncs() : 0);
    if (fpm_address_) out.fpm = view::Fpm{*fpm_address_, fpm_ ? fpm_->client() : "", fpm_ ? fpm_->problem() : ""};
    return out;
}

std::vector<std::string> RouteSources::problems() const {
    std::vector<std::string> out;
    if (!kernel_problem_.empty()) out.push_back(kernel_problem_);
    if (convergence_.refused().any())
        out.emplace_back(
            "routes: more of them, of next-hop objects, or of next hops of one than there is room for: "
            "some count nowhere (`refused` in `wgbfd status --json`), and reports are not exact");
    if (!fpm_) return out;
    if (!fpm_->problem().empty())
        out.push_back(fpm_->problem());
    else if (fpm_->client().empty() && steady_now() - listening_since_ >= zebra_comes_within)
        out.push_back("fpm " + *fpm_address_ +
                      ": no zebra is connected: start it with -M dplane_fpm_nl and give it `fpm address`; the kernel's "
                      "route events serve meanwhile");
    return out;
}

}  // namespace wgbfd
