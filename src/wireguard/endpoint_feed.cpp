#include "wireguard/endpoint_feed.hpp"

#include <net/if.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <unordered_map>
#include <utility>

#include "wireguard/endpoint_jobs.hpp"

namespace wireguard {
namespace {

using namespace std::chrono_literals;
using Kind = EndpointAction::Kind;

constexpr base::Duration between_changes = 50ms;  // 20 a second on this host, however many peers are dead
constexpr base::Duration change_within = 2s;
constexpr base::Duration resolved_within = 5s;
constexpr base::Duration longest_window = 500ms;
// After a change: was the peer heard? A device is looked at once a second otherwise.
constexpr std::array<base::Duration, 5> looks{50ms, 100ms, 150ms, 150ms, 300ms};

const char* word(Kind kind) {
    switch (kind) {
        case Kind::keep: return "switch";
        case Kind::fresh: return "kick";
        case Kind::trial: return "fail-back";
    }
    return "?";
}

}  // namespace

EndpointFeed::EndpointFeed(boost::asio::io_context& context, io::Jobs& jobs, io::UndoLog& undo,
                           std::function<base::Now()> now, Handlers handlers)
    : jobs_{jobs},
      records_{undo},
      now_{std::move(now)},
      handlers_{std::move(handlers)},
      timer_{context, [this] { settle(); }},
      withdrawal_{context, [this] { finish(); }} {}

void EndpointFeed::configure(EndpointSettings settings) {
    settings_ = std::move(settings);
    std::set<std::string> names;
    for (const auto& [key, places] : settings_.places)
        for (const auto& place : places)
            if (!place.address) names.insert(place.host);
    names_.want(std::move(names));
    for (auto& [key, peer] : peers_) peer.wanted &= settings_.places.contains(key);
    std::set<std::string> subjects;
    for (const auto& [key, places] : settings_.places) subjects.insert(subject_of(key));
    for (const auto& record : records_.all())  // of a peer that is left alone from now on
        if (!subjects.contains(record.subject)) leave(record.subject);
}

void EndpointFeed::apply(std::span<const policy::Wanted> all) {
    for (auto& [key, peer] : peers_) peer.wanted = false;
    for (const auto& wanted : all) {
        const PeerKey key{wanted.adjacency.interface, wanted.adjacency.peer};
        if (!settings_.places.contains(key) || wanted.peer == nullptr) continue;  // may be a roaming one
        const auto [at, is_new] = peers_.try_emplace(key);
        auto& peer = at->second;
        if (is_new) {
            peer.seen = *wanted.peer;
            peer.alone_from = now_().steady + change_within;
        }
        peer.adjacency = wanted.adjacency;
        peer.session = wanted.session;
        peer.wanted = true;
    }
    settle();
}

void EndpointFeed::refresh() {
    if (!settings_.places.empty() && !on_withdrawn_) apply(handlers_.wanted());
}

void EndpointFeed::on_look(base::TimePoint begun, const adjacency::Device& device) {
    if (on_withdrawn_ || peers_.empty()) return;
    std::unordered_map<std::string, std::string> before;
    for (auto& record : records_.all()) before.emplace(std::move(record.subject), std::move(record.before));
    for (const auto& seen : device.peers) {
        const auto at = peers_.find({device.interface, seen.key});
        if (at == peers_.end()) continue;
        auto& peer = at->second;
        if (peer.job || begun <= peer.done_at) continue;  // it may be of what is over in a moment
        peer.seen = seen;
        peer.seen_at = begun;
        if (before.empty() || peer.choice.is_failing() || begun <= peer.alone_from) continue;
        // It stands where it stood before us: nothing is left to put back.
        const auto record = before.find(subject_of(at->first));
        if (record != before.end() && record->second == text_of(seen.endpoint)) records_.forget(record->first);
    }
}

void EndpointFeed::settle() {
    if (on_withdrawn_) return;
    const auto now = now_().steady;
    // A change that is under way ends first: cut short, nobody could say what stands.
    std::erase_if(peers_, [](const Entry& entry) { return !entry.second.wanted && !entry.second.job; });
    look_up_names(now);
    auto wake = names_.deadline();
    for (auto& entry : peers_) {
        auto& peer = entry.second;
        if (!peer.wanted || (!leaving_.empty() && leaving_.contains(subject_of(entry.first)))) continue;
        update(entry, now);
        if (now < next_change_ && peer.choice.deadline() <= now) {
            wake = std::min(wake, next_change_);
        } else if (const auto action = peer.choice.next(now, settings_.times)) {
            carry_out(entry, *action);
        }
        if (peer.look_at <= now) {
            handlers_.look(entry.first.first);
            peer.look_at = peer.looks < looks.size() ? now + looks[peer.looks++] : base::never;
        }
        wake = std::min({wake, std::max(peer.choice.deadline(), next_change_), peer.look_at});
    }
    if (wake == base::never) return timer_.cancel();
    timer_.expire_after(std::max<base::Duration>(wake - now_().steady, 1ms));
}

void EndpointFeed::update(Entry& entry, base::TimePoint now) {
    auto& peer = entry.second;
    take_candidates(entry);
    const auto& session = peer.session;
    peer.choice.on_view({now, now_().wall},
                        {.read_at = peer.seen_at,
                         .endpoint = peer.seen.endpoint,
                         .latest_handshake = peer.seen.latest_handshake,
                         .rx_bytes = peer.seen.rx_bytes,
                         .failed = !peer.seen.endpoint || (session.probed && !session.up && !session.resting),
                         .up = session.up,
                         .one_way = session.one_way,
                         .ever_up = session.ever_up,
                         .rtt = session.rtt},
                        settings_.times);
    const auto told = text_of(peer.seen.endpoint);
    if (told == peer.told) return;
    peer.told = told;
    peer.changed_at = now_().wall;
}

void EndpointFeed::take_candidates(Entry& entry) {
    const auto& places = settings_.places.at(entry.first);
    std::vector<base::Endpoint> all;
    std::size_t preferred = 0;
    for (const auto& place : places) {
        const base::IfIndex scope{place.zone.empty() ? 0 : ::if_nametoindex(place.zone.c_str())};
        if (!place.zone.empty() && scope == base::IfIndex{}) continue;  // its interface is not there: nor is the way
        const auto add = [&](const base::IpAddress& address) {
            const base::Endpoint endpoint{address, place.port, scope};
            if (std::ranges::find(all, endpoint) == all.end()) all.push_back(endpoint);
        };
        if (place.address)
            add(*place.address);
        else
            for (const auto& address : names_.addresses(place.host)) add(address);
        if (&place == &places.front()) preferred = all.size();
    }
    entry.second.choice.on_candidates(std::move(all), preferred);
}

void EndpointFeed::carry_out(Entry& entry, const EndpointAction& action) {
    auto& [key, peer] = entry;
    const auto now = now_().steady;
    io::Job job;
    job.time_limit = change_within;
    if (action.kind == Kind::trial) {
        // Within what the peer bears, so that it never takes its session down.
        const auto window = std::min<base::Duration>(peer.session.patience / 2, longest_window);
        const auto remote = peer.adjacency.addresses ? peer.adjacency.addresses->remote : base::IpAddress{};
        peer.tried_from = peer.seen.endpoint;
        job.kind = trial_job;
        job.arguments = to_words(TrialOrder{key.first, key.second, action.to, remote, window});
    } else {
        job.kind = change_job;
        job.arguments = to_words(ChangeOrder{key.first, key.second, action.to, action.kind == Kind::fresh,
                                             peer.seen.latest_handshake, fingerprint(peer.seen.allowed_ips)});
    }
    const auto before = records_.ours(subject_of(key));
    if (!records_.announce(subject_of(key), peer.seen.endpoint, action.to)) return peer.choice.on_done(now, false);
    next_change_ = now + between_changes;
    peer.job = jobs_.run(job, [this, key = key, action, before](const io::JobResult& result) {
        // One that failed may have begun: then either stands.
        if (result.end == io::JobEnd::exited && result.output == did)
            records_.conclude(subject_of(key), to_string(action.to));
        else if (result.end == io::JobEnd::exited && result.output == left)
            records_.conclude(subject_of(key), before);
        on_end(key, action, result);
    });
}

void EndpointFeed::on_end(const PeerKey& key, const EndpointAction& action, const io::JobResult& result) {
    const auto at = peers_.find(key);
    if (at == peers_.end()) return;
    auto& peer = at->second;
    const auto now = now_();
    peer.job.reset();
    peer.done_at = now.steady;
    if (on_withdrawn_ || !settings_.places.contains(key)) {
        leave(subject_of(key));
        return go_on();
    }
    const bool ended = result.end == io::JobEnd::exited && result.status == 0;
    const bool is_done = ended && result.output == did;
    peer.problem = ended                                 ? ""
                   : result.end == io::JobEnd::timed_out ? "WireGuard does not answer"
                   : !jobs_.is_alive()                   ? "the process that changes WireGuard has ended: restart wgbfd"
                   : result.output.empty() ? "the process that changes WireGuard has ended: another begins"
                                           : result.output;
    if (action.kind == Kind::trial || is_done) {
        auto note = std::string{"endpoint adjacency="} + peer.adjacency.name + " action=" + word(action.kind) +
                    " from=" + peer.told + " to=" + to_string(action.to);
        if (!is_done) note += " result=" + (ended ? std::string{"no-answer"} : "\"" + peer.problem + "\"");
        if (action.kind != Kind::fresh || text_of(action.to) != peer.told) handlers_.note(note);
    }
    if (is_done) peer.seen.endpoint = action.to;  // until WireGuard is looked at again
    peer.choice.on_done(now.steady, is_done);
    // It was cut short, maybe before it had gone back.
    if (action.kind == Kind::trial && result.end != io::JobEnd::exited && peer.tried_from)
        return carry_out(*at, {Kind::keep, *peer.tried_from});
    peer.looks = 0;
    peer.look_at = now.steady + looks[peer.looks++];
    settle();
}

void EndpointFeed::look_up_names(base::TimePoint now) {
    std::set<std::string> urgent;
    for (const auto& [key, peer] : peers_)
        if (peer.wanted && peer.choice.is_failing())
            for (const auto& place : settings_.places.at(key))
                if (!place.address) urgent.insert(place.host);
    for (const auto& name : names_.due(now, urgent)) {
        io::Job job;
        job.kind = resolve_job;
        job.arguments = {name};
        job.time_limit = resolved_within;
        jobs_.run(job, [this, name](const io::JobResult& result) {
            auto looked = parse_looked(result.output);  // also of one that hung after its answer
            if (names_.on_answer(now_().steady, name, std::move(looked), settings_.resolve))
                handlers_.note("endpoint name=" + name + " address=" + to_string(names_.addresses(name).front()));
            settle();
        });
    }
}

policy::FeedStatus EndpointFeed::status() const {
    policy::FeedStatus out{.name = endpoint_feed, .healthy = true, .problem = records_.problem(), .told = {}};
    const auto add = [&](const std::string& problem) { out.problem += (out.problem.empty() ? "" : "; ") + problem; };
    for (const auto& name : names_.unknown()) add(name + " is not to be resolved: check its name and the DNS servers");
    for (const auto& [key, peer] : peers_) {
        if (!peer.problem.empty()) add(peer.adjacency.name + ": " + peer.problem);
        if (peer.changed_at) out.told.push_back({peer.adjacency.id, peer.told, *peer.changed_at});
    }
    out.healthy = out.problem.empty();
    return out;
}

}  // namespace wireguard
