// Who tells of routes: zebra over FPM while it is connected, the kernel's route events else. Either tells all it has
// when its turn begins; both go to the controller as they come, between its turns.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/link.hpp"
#include "adjacency/route_change.hpp"
#include "control/convergence.hpp"
#include "frr/fpm.hpp"
#include "io/timer.hpp"
#include "kernel/route_events.hpp"
#include "view/status.hpp"

namespace wgbfd {

class RouteSources {
public:
    struct Events {
        std::function<void()> on_due;  // a report is complete: time for a turn
        std::function<void(const std::string&)> on_note;
    };
    RouteSources(boost::asio::io_context& context, control::Convergence& convergence, Events events);

    // Whether anybody wants to know, and [frr] fpm. Harmless when nothing changed.
    void follow(bool wanted, const std::optional<std::string>& fpm);
    void on_links(const std::vector<adjacency::Link>& links);

    view::Routes status() const;
    std::vector<std::string> problems() const;

private:
    void listen();
    void follow_kernel();
    void leave_kernel();
    void on_change(const adjacency::RouteChange& change);
    void on_settled();
    void sweep_later();
    void sweep();

    boost::asio::io_context& context_;
    control::Convergence& convergence_;
    Events events_;
    bool wanted_ = false;
    std::optional<std::string> fpm_address_;
    std::unique_ptr<frr::Fpm> fpm_;
    base::TimePoint listening_since_{};
    std::unique_ptr<kernel::RouteEvents> kernel_;
    std::string kernel_problem_;
    adjacency::RouteChange change_;
    std::vector<adjacency::Link> links_;
    std::uint64_t resyncs_ = 0;  // of kernel sources that are over
    io::Timer sweep_, again_;
};

}  // namespace wgbfd
