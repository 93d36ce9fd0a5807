// Every WireGuard device of this host with its peers, followed by looking at each once a second: WireGuard tells nobody
// of its changes. A device that gives no sensible answer keeps what it showed last; problems() says why.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/link.hpp"
#include "adjacency/peer.hpp"
#include "base/time.hpp"
#include "io/timer.hpp"
#include "wireguard/source.hpp"

namespace wireguard {

class Devices {
public:
    // Counters count as change, so expect a call a second; calls are made in turns of their own, one for all devices
    // that answered meanwhile. Devices in the order of their names.
    using OnChange = std::function<void(std::vector<adjacency::Device>)>;

    // Each answer, also one in which nothing changed, before any OnChange; `begun`: when that look began.
    using OnLook = std::function<void(base::TimePoint begun, const adjacency::Device& device)>;
    OnLook on_look = [](base::TimePoint, const adjacency::Device&) {};

    struct Pace {
        base::Duration often = std::chrono::seconds{1};
        base::Duration seldom = std::chrono::seconds{5};  // above many_peers: a dump costs their device something
        base::Duration time_limit = std::chrono::seconds{1};
        base::Duration longest_backoff = std::chrono::seconds{30};
    };
    static constexpr std::size_t many_peers = 200;
    static constexpr const char* default_uapi_folder = "/var/run/wireguard";

    Devices(boost::asio::io_context& context, OnChange on_change, std::filesystem::path uapi_folder, Pace pace);
    Devices(boost::asio::io_context& context, OnChange on_change,
            std::filesystem::path uapi_folder = default_uapi_folder)
        : Devices{context, std::move(on_change), std::move(uapi_folder), Pace{}} {}
    Devices(const Devices&) = delete;
    Devices& operator=(const Devices&) = delete;
    ~Devices();

    // Which interfaces exist. Those of kind "wireguard" are the kernel's; of the others those with a socket NAME.sock
    // in the UAPI folder.
    void on_links(const std::vector<adjacency::Link>& links);
    // A look now. Asked for while one runs: one more after it, however often. A device that fails is left to its
    // back-off.
    void refresh(const std::string& interface);
    // The same for OnLook alone: what it finds changed is told with the next regular look. One device is looked at for
    // a quarter of the time at most, however often somebody asks.
    void look(const std::string& interface);
    std::vector<std::string> problems() const;  // "wg0: what failed and what to do"

private:
    class Watched;
    void reconcile();
    std::vector<std::string> uapi_names();
    void watch(const std::string& name, base::IfIndex index, bool in_kernel);

    boost::asio::io_context& context_;
    OnChange on_change_;
    std::filesystem::path uapi_folder_;
    Pace pace_;
    std::string folder_problem_;
    struct Seen {
        base::IfIndex index;
        bool in_kernel = false;
    };
    std::map<std::string, Seen> links_;
    std::map<std::string, std::unique_ptr<Watched>> watched_;
    io::Timer flush_;
    io::Timer scan_;
};

}  // namespace wireguard
