#include "frr/vty_feed.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace frr {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration leave_within = 2s;
constexpr std::array sources{NeighborSource::bgp, NeighborSource::ospf, NeighborSource::ospf6};

void add(std::string& text, const std::string& more) { text += (text.empty() ? "" : ", ") + more; }

}  // namespace

VtyFeed::VtyFeed(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                 std::string directory)
    : shared_{.context = context, .undo = undo, .directory = std::move(directory), .wishes = wishes_},
      now_{std::move(now)},
      limit_{context, [this] {
                 if (left_) std::exchange(left_, {})();
             }} {
    for (std::size_t i = 0; i < sources.size(); ++i)
        clients_[i] = std::make_unique<SettingsClient>(shared_, sources[i], [this] { on_settled(); });
}

void VtyFeed::on_links(std::vector<adjacency::Link> links) {
    if (links == links_) return;
    links_ = std::move(links);
    shared_.links = links_;
    if (judged_ && !wishes_.peers.empty()) bgp().look();
}

void VtyFeed::apply(std::span<const policy::Wanted> all) {
    auto wishes = wishes_of(all);
    const bool first = !std::exchange(judged_, true);
    const bool peers = first || wishes.peers != wishes_.peers;
    const bool interfaces = first || wishes.interfaces != wishes_.interfaces;
    wishes_ = std::move(wishes);
    std::erase_if(told_, [this](const auto& entry) {
        return std::ranges::find(wishes_.peers, entry.first, &PeerWish::id) == wishes_.peers.end();
    });
    for (std::size_t i = 0; i < sources.size(); ++i)
        if (sources[i] == NeighborSource::bgp ? peers : interfaces) clients_[i]->look();
}

void VtyFeed::on_settled() {
    tell();
    check_left();
}

void VtyFeed::tell() {
    for (const auto& peer : wishes_.peers) {
        auto told = told_of(peer);
        if (told.empty()) continue;
        const auto [at, fresh] = told_.try_emplace(peer.id);
        if (!fresh && at->second.told == told) continue;
        at->second = {std::move(told), now_().wall};
    }
}

// Empty: nobody has been told yet.
std::string VtyFeed::told_of(const PeerWish& peer) const {
    if (std::ranges::none_of(clients_, &SettingsClient::has_looked)) return {};
    std::string out;
    bool left_alone = false;
    for (const auto& client : clients_) {
        for (const auto setting : {Setting::ospf_cost, Setting::ospf6_cost}) {
            const Place place{setting, peer.interface};
            left_alone |= client->overruled().contains(place);
            if (const auto found = client->held().find(place); found != client->held().end())
                add(out, std::string{setting == Setting::ospf_cost ? "OSPF" : "OSPFv3"} + " cost " +
                             std::to_string(found->second.ours.front()));
        }
        if (client->desired().lowered.contains(peer.id)) add(out, "BGP below the others");
    }
    if (!out.empty()) return out;
    return left_alone ? "left alone" : "nothing";
}

bool VtyFeed::is_reached(const PeerWish& peer) const {
    return std::ranges::any_of(clients_,
                               [&](const auto& client) { return client->desired().reached.contains(peer.id); });
}

std::vector<std::string> VtyFeed::problems() const {
    std::vector<std::string> out;
    if (wishes_.peers.empty() && is_clear()) return out;
    bool answered = false;
    for (const auto& client : clients_) {
        answered |= client->has_looked();
        for (auto& problem : client->problems()) out.push_back(std::move(problem));
    }
    if (!out.empty() || !std::ranges::all_of(clients_, &SettingsClient::has_tried)) return out;
    if (!answered) {
        out.push_back("neither bgpd, ospfd nor ospf6d runs in " + directory() + ": start one, or correct vty in [frr]");
        return out;
    }
    for (const auto& peer : wishes_.peers)
        if (!is_reached(peer))
            out.push_back(peer.name + " has the feed frr-vty, and FRR neither runs OSPF on " + peer.interface +
                          " nor has it as a BGP neighbour: configure one there, or remove the feed");
    return out;
}

policy::FeedStatus VtyFeed::status() const {
    policy::FeedStatus out{.name = vty_feed, .healthy = true, .problem = {}, .told = {}};
    for (const auto& problem : problems()) out.problem += (out.problem.empty() ? "" : "; ") + problem;
    out.healthy = out.problem.empty();
    for (const auto& [id, told] : told_) out.told.push_back({id, told.told, told.at});
    return out;
}

void VtyFeed::withdraw_all(std::function<void()> done) {
    limit_.expire_after(leave_within);
    leave(std::move(done));
}

void VtyFeed::leave(std::function<void()> done) {
    left_ = std::move(done);
    shared_.leaving = true;
    judged_ = true;
    wishes_ = {};
    for (const auto& client : clients_) client->look();
    check_left();
}

void VtyFeed::stay() {
    left_ = {};
    limit_.cancel();
    shared_.leaving = judged_ = false;
}

bool VtyFeed::is_settled() const { return std::ranges::all_of(clients_, &SettingsClient::is_settled); }

bool VtyFeed::is_clear() const {
    return std::ranges::all_of(clients_,
                               [](const auto& client) { return client->is_settled() && client->held().empty(); });
}

void VtyFeed::check_left() {
    if (left_ && is_clear()) limit_.expire_after({});  // in a turn of its own
}

}  // namespace frr
