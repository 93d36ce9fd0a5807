// The feed `frr-vty`: OSPF's and OSPFv3's cost of an interface, BGP's weights and graceful-shutdown of a neighbour, in
// the running configuration alone, over the daemons' own vty sockets. No session is reset. Ours is what still stands as
// we left it: what an operator changes meanwhile is his.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/time.hpp"
#include "frr/settings_client.hpp"

namespace frr {

class VtyFeed final : public policy::Feed {
public:
    // Connects once an adjacency names it. What `undo` holds from an earlier process is adopted: it stands until the
    // first apply(), which the caller makes once the adjacencies can be judged anew.
    VtyFeed(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now, std::string directory);

    void on_links(std::vector<adjacency::Link> links);
    // Every peer of the interfaces where one names it.
    void apply(std::span<const policy::Wanted> all) override;
    policy::FeedStatus status() const override;
    std::vector<std::string> problems() const;
    // For stop: takes everything back, and then calls `done`, within 2 s however FRR behaves.
    void withdraw_all(std::function<void()> done);
    // Likewise, for as long as it takes.
    void leave(std::function<void()> done);
    void stay();              // what is left by then stands until the next apply()
    bool is_settled() const;  // nothing is under way
    bool is_clear() const;    // and nothing of ours stands
    const std::string& directory() const { return shared_.directory; }

private:
    struct TellTale {
        std::string told;
        base::WallTime at;
    };

    void on_settled();
    void tell();
    std::string told_of(const PeerWish& peer) const;
    bool is_reached(const PeerWish& peer) const;
    void check_left();
    SettingsClient& bgp() { return *clients_[0]; }

    Wishes wishes_;
    std::vector<adjacency::Link> links_;
    SettingsClient::Shared shared_;
    std::function<base::Now()> now_;
    std::array<std::unique_ptr<SettingsClient>, neighbor_sources> clients_;  // bgpd, ospfd, ospf6d
    bool judged_ = false;                                                    // apply() has been called
    std::map<adjacency::AdjacencyId, TellTale> told_;
    std::function<void()> left_;
    io::Timer limit_;
};

}  // namespace frr
