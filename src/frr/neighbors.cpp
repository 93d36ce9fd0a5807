#include "frr/neighbors.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "frr/neighbors_codec.hpp"
#include "frr/vty.hpp"
#include "io/timer.hpp"

namespace frr {

namespace {

using namespace std::chrono_literals;
using adjacency::Neighbor;

constexpr base::Duration every = 5s;
constexpr base::Duration configuration_again_after = 60s;
constexpr int share = 100;         // a round waits so many times as long as the daemons took for the last one
constexpr std::size_t slice = 16;  // neighbours read at a time: bgpd prints 3 kB of each
constexpr std::array sources{NeighborSource::bgp, NeighborSource::ospf, NeighborSource::ospf6};
constexpr const char* configuration = "show running-config";

void give_interfaces(std::vector<Neighbor>& neighbors, const std::map<base::IpAddress, std::string>& interfaces) {
    for (auto& neighbor : neighbors)
        if (const auto found = interfaces.find(neighbor.remote); lacks_interface(neighbor) && found != interfaces.end())
            neighbor.interface = found->second;
}

}  // namespace

struct Neighbors::Impl {
    struct Daemon {
        Daemon(boost::asio::io_context& context, const std::string& directory, NeighborSource source)
            : vty{context, directory, std::string{daemon_of(source)}} {}
        Vty vty;
        std::vector<Neighbor> last;
        bool answered = false;  // ever
        std::optional<VtyError> failure;
    };

    Impl(boost::asio::io_context& context, const std::string& where, Handler handler)
        : directory{where},
          on_neighbors{std::move(handler)},
          daemons{Daemon{context, where, sources[0]}, Daemon{context, where, sources[1]},
                  Daemon{context, where, sources[2]}},
          timer{context, [this] { round(); }},
          turn{context, [this] { read(); }} {}

    void round();
    void ask();
    void on_reply(base::Result<VtyReply, VtyError> reply);
    void read();
    void ask_configuration();
    void done(std::vector<Neighbor> found);
    void next();
    void tell();

    std::string directory;
    Handler on_neighbors;
    std::array<Daemon, neighbor_sources> daemons;
    bool wanted = false;
    bool busy = false;
    std::size_t at = 0;  // the daemon that is being asked
    base::TimePoint asked{};
    base::Duration took{};  // of this round, by daemons that answered
    std::optional<NeighborReader> reader;
    std::map<base::IpAddress, std::string> interfaces;  // by bgpd's configuration
    std::set<base::IpAddress> asked_for;                // addresses it was read for
    base::TimePoint configuration_read{};
    std::vector<Neighbor> told;
    io::Timer timer, turn;
};

void Neighbors::Impl::round() {
    if (!wanted || std::exchange(busy, true)) return;
    took = {};
    at = 0;
    ask();
}

void Neighbors::Impl::ask() {
    asked = std::chrono::steady_clock::now();
    daemons[at].vty.command(std::string{question_of(sources[at])},
                            [this](base::Result<VtyReply, VtyError> reply) { on_reply(std::move(reply)); });
}

void Neighbors::Impl::on_reply(base::Result<VtyReply, VtyError> reply) {
    auto& daemon = daemons[at];
    if (!reply) {
        daemon.failure = std::move(reply.error());
        return next();
    }
    took += std::chrono::steady_clock::now() - asked;
    daemon.failure.reset();
    daemon.answered = true;
    // A daemon that has no instance says so in words, or not at all: it has no neighbour.
    if (!reply->ok() || reply->text.find('{') == std::string::npos) return done({});
    reader.emplace(sources[at], std::move(reply->text));
    turn.expire_after({});
}

void Neighbors::Impl::read() {
    if (reader->read(slice)) return turn.expire_after({});
    auto found = reader->take();
    reader.reset();
    if (!found) {
        daemons[at].failure = VtyError{VtyFailure::closed, std::move(found.error())};
        return next();
    }
    done(std::move(*found));
}

void Neighbors::Impl::done(std::vector<Neighbor> found) {
    daemons[at].last = std::move(found);
    if (sources[at] != NeighborSource::bgp) return next();
    std::set<base::IpAddress> lacking;
    for (const auto& neighbor : daemons[at].last)
        if (lacks_interface(neighbor)) lacking.insert(neighbor.remote);
    const auto now = std::chrono::steady_clock::now();
    if (lacking.empty() || (lacking == asked_for && now - configuration_read < configuration_again_after))
        return next();
    asked_for = std::move(lacking);
    configuration_read = now;
    ask_configuration();
}

void Neighbors::Impl::ask_configuration() {
    daemons[at].vty.command(configuration, [this](base::Result<VtyReply, VtyError> reply) {
        if (!reply) daemons[at].failure = std::move(reply.error());
        if (reply && reply->ok()) interfaces = parse_neighbor_interfaces(reply->text);
        if (!reply || !reply->ok()) asked_for.clear();  // again in the next round
        next();
    });
}

void Neighbors::Impl::next() {
    if (++at < daemons.size()) return ask();
    busy = false;
    if (!wanted) return;
    timer.expire_after(std::max(every, took * share));
    tell();
}

void Neighbors::Impl::tell() {
    std::vector<Neighbor> all;
    for (const auto& daemon : daemons) all.insert(all.end(), daemon.last.begin(), daemon.last.end());
    give_interfaces(all, interfaces);
    if (all == told) return;
    told = all;
    on_neighbors(std::move(all));
}

Neighbors::Neighbors(boost::asio::io_context& context, std::string directory, Handler on_neighbors)
    : impl_{std::make_unique<Impl>(context, directory, std::move(on_neighbors))} {}

Neighbors::~Neighbors() = default;

void Neighbors::follow(bool wanted) {
    if (std::exchange(impl_->wanted, wanted) == wanted) return;
    if (wanted)
        impl_->timer.expire_after({});
    else
        impl_->timer.cancel();
}

std::vector<std::string> Neighbors::problems() const {
    std::vector<std::string> out;
    if (!impl_->wanted) return out;
    bool somebody = false;
    for (const auto& daemon : impl_->daemons) {
        somebody |= daemon.answered || !daemon.failure;
        // A routing daemon that is not enabled is none of our business; one that was there is missed.
        if (daemon.failure && (daemon.answered || daemon.failure->failure != VtyFailure::not_running))
            out.push_back("neighbours: " + daemon.failure->text);
    }
    if (!somebody && out.empty())
        out.push_back("neighbours: neither bgpd, ospfd nor ospf6d runs in " + impl_->directory +
                      ": start one, correct [frr] vty, or write address into the [[adjacency]] of each peer that has "
                      "none");
    return out;
}

std::vector<Neighbor> vty_neighbors(const std::string& directory, NeighborSource source) {
    const std::string daemon{daemon_of(source)};
    auto reply = vty_read(directory, daemon, std::string{question_of(source)});
    if (!reply) return {};
    auto found = read_neighbors(source, std::move(*reply));
    if (!found) return {};
    if (std::ranges::any_of(*found, lacks_interface))
        if (const auto text = vty_read(directory, daemon, configuration))
            give_interfaces(*found, parse_neighbor_interfaces(*text));
    return std::move(*found);
}

std::vector<Neighbor> vty_neighbors(const std::string& directory) {
    std::vector<Neighbor> all;
    for (const auto source : sources) {
        const auto found = vty_neighbors(directory, source);
        all.insert(all.end(), found.begin(), found.end());
    }
    return all;
}

}  // namespace frr
