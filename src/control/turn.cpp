// What follows once a batch is drained: which sessions should exist, what bfdd must hear, what routing should believe.
#include <algorithm>
#include <utility>

#include "control/controller.hpp"

namespace control {
namespace {

constexpr base::Duration settle_on_at_most = std::chrono::seconds{3};
constexpr std::size_t many = 256;  // adjacencies: what is done for all of them takes a turn of its own
constexpr base::Duration sliced_at_most = std::chrono::milliseconds{20};

}  // namespace

Turn Controller::take(base::Now now) {
    const auto last_turn = std::exchange(taken_at_, now.steady);
    sessions_.forgive_lateness(last_turn, now.steady);
    gauges_.forgive_lateness(last_turn, now.steady);
    if (recall_) return std::exchange(turn_, {});  // nothing is compared yet
    if (settle_at_ != base::TimePoint{} && now.steady >= settle_at_) end_settling(now.steady);
    if (std::min(sessions_.next_judgement(last_turn), gauges_.next_judgement(last_turn)) <= now.steady)
        think_over(Sweep::not_up);  // whoever had until now to come up
    pass_time(now);
    const bool settling = settle_at_ != base::TimePoint{};
    const bool reconciled = stopping_ || reconcile(now);
    trust_.on_deadline(now.steady, turn_.looks);
    tell_bfdd();
    urgent_ |= assess_due(now, reconciled);
    feeds_due_ |= urgent_;
    turn_.unfinished = !reconciled || !sweep(now);
    if (!turn_.unfinished) feeds_due_ |= assess_due(now, true);  // who had to wait for the sweep
    if (!turn_.unfinished)
        unfinished_since_.reset();
    else if (!unfinished_since_)
        unfinished_since_ = now.steady;
    // Amid a change of who there is, feeds would let go of those who have yet to be judged: they hear of both together.
    const bool in_between = urgent_ && reconciled && sweep_ != Sweep::all;
    if (feeds_due_ && (in_between || !turn_.unfinished) && !settling && !stopping_) {
        turn_.verdicts_changed = true;
        feeds_due_ = urgent_ = false;
    }
    return std::exchange(turn_, {});
}

// Sessions begin when the host is known, a little after us. Until they are judged nobody counts as down, and feeds that
// were applied then would let go of what they hold and take it again: they wait once more, for these.
void Controller::end_settling(base::TimePoint now) {
    const bool first = !waited_for_sessions_;
    waited_for_sessions_ = true;
    const auto judged =
        first ? std::max(sessions_.last_judgement(now), gauges_.last_judgement(now)) : base::TimePoint{};
    settle_at_ = std::min(judged, now + settle_on_at_most);
    adjacencies_.remember(std::exchange(remembered_, {}));
    think_over(Sweep::all);
    all_judged_ = false;
    feeds_due_ = true;
}

// A host that changes faster than such a series of turns ends would never be judged: then all is done in one.
bool Controller::is_sliced(base::Now now) const {
    return adjacencies_.all().size() > many && (!unfinished_since_ || now.steady - *unfinished_since_ < sliced_at_most);
}

// False: there is so much of it that the rest is the next turn's. Until all of it is done no verdict follows from it:
// what a path was to lose and to get by the same change must look like one. Who goes Down meanwhile is judged at once.
bool Controller::reconcile(base::Now now) {
    const bool sliced = is_sliced(now);
    if (structure_dirty_ && (!reconcile_sessions(now) || sliced)) return false;
    if (places_dirty_) {
        reconcile_places();
        if (sliced) return false;
    }
    if (!gauges_dirty_) return true;
    std::pmr::monotonic_buffer_resource room;
    gauges_dirty_ = !gauges_.reconcile(now.steady, wanted_gauges(room), turn_.commands);
    return !gauges_dirty_ && !sliced;
}

bool Controller::reconcile_sessions(base::Now now) {
    resume_drains();
    unsolicited_.prune(config_, host_);
    lids_.resolve(host_, adjacencies_, turn_.lookups);
    std::pmr::monotonic_buffer_resource room;  // thousands of them leave no holes among what stays
    if (!sessions_.reconcile(now, desired_sessions(room), turn_.commands)) return false;
    structure_dirty_ = false;
    places_dirty_ = gauges_dirty_ = true;
    return true;
}

void Controller::reconcile_places() {
    places_dirty_ = false;
    whereabouts_ = Whereabouts{adjacencies_};
    convergence_.relocate();
    std::erase_if(failovers_, [this](const auto& item) { return name_of(item.first).empty(); });
    keeping_.follow(adjacencies_, lids_, unsolicited_);
    think_over(Sweep::all);
    feeds_due_ = true;
}

DesiredSessions Controller::desired_sessions(std::pmr::memory_resource& room) const {
    DesiredSessions desired{&room};
    for (const auto& [key, tracked] : adjacencies_.all()) {
        if (!tracked.key || !tracked.wants_probe() || is_icmp(tracked)) continue;
        auto& wanted = desired[*tracked.key];
        wanted.fallback = tracked.probe(config_);
        wanted.wireguard = true;
        wanted.padding = tracked.probe(config_).padding;
        if (tracked.configured && tracked.configured->own_timers)
            wanted.ask(Asker::config, request_of(tracked.configured->timers));
    }
    const Homes homes{host_};
    for (const auto& session : config_.sessions) {
        const auto key = key_of(session, homes);
        if (!key) continue;  // its interface is not there; its row says so
        auto request = request_of(session.timers);
        request.minimum_ttl = session.multihop ? session.minimum_ttl : std::uint8_t{255};
        desired[*key].ask(Asker::config, request);
    }
    for (const auto& [number, lid] : lids_.all())
        if (lid.key) desired[*lid.key].ask(Asker::bfdd, lid.request.wish);
    for (const auto& [key, ends] : unsolicited_.all()) {
        if (desired.contains(key)) continue;  // somebody asks for it by now
        auto request = request_of(config_.probe);
        request.passive = true;  // RFC 9468 §2: the passive role of RFC 5880 §6.1
        desired[key].ask(Asker::unsolicited, request);
    }
    shut_drained(desired);
    return desired;
}

// What its session does not see is the path's loss. Not Up, a session has other timers: what was asked stands.
std::uint32_t Controller::silence_of(const Tracked& tracked) const {
    const auto interval = tracked.quality(config_).interval;
    const auto& timers = tracked.probe(config_);
    if (is_icmp(tracked)) return quality::silence_of(timers.interval * timers.multiplier, interval);
    const auto* session = sessions_.find(*tracked.key);
    if (session == nullptr || session->status.state != bfd::State::up) return gauges_.silence(tracked.adjacency.id);
    return quality::silence_of(session->status.detection_time, interval);
}

// A path is measured from when its peer was first heard: whoever is not there is asked by BFD (or one echo) alone.
probe::Asked Controller::asked_of(const Tracked& tracked) const {
    const auto& quality = tracked.quality(config_);
    const auto& timers = tracked.probe(config_);
    const auto* session = sessions_.find(*tracked.key);
    const auto* liveness = gauges_.liveness(tracked.adjacency.id);
    const bool icmp = is_icmp(tracked);
    const bool heard =
        icmp ? liveness != nullptr && liveness->status.ever_heard : session != nullptr && session->status.ever_heard;
    probe::Asked out{.settings = {quality.method, quality.interval, silence_of(tracked)}};
    out.reverse_path = reverse_path_of(tracked);
    if (!heard) out.settings.method = quality::Choice::off;
    const auto* link = host_.link(tracked.adjacency.interface);
    if (out.settings.method != quality::Choice::off && link != nullptr)
        out.mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(link->mtu, quality::PathMtu::greatest));
    if (icmp)
        out.liveness = {.interval = timers.interval,
                        .multiplier = timers.multiplier,
                        .padding = timers.padding,
                        .admin_down = tracked.path.drain.is_shut()};
    return out;
}

WantedGauges Controller::wanted_gauges(std::pmr::memory_resource& room) const {
    WantedGauges wanted{&room};
    for (const auto& [key, tracked] : adjacencies_.all()) {
        if (!tracked.key || !tracked.wants_probe()) continue;
        wanted.emplace(tracked.adjacency.id, WantedGauge{*tracked.key, asked_of(tracked)});
    }
    return wanted;
}

// Alone what is measured of one path is another than before.
void Controller::adjust_gauge(base::Now now, const Tracked& tracked) {
    if (structure_dirty_ || gauges_dirty_ || !tracked.key || !tracked.wants_probe()) return;  // it comes with the rest
    gauges_dirty_ =
        !gauges_.adjust(now.steady, tracked.adjacency.id, {*tracked.key, asked_of(tracked)}, turn_.commands);
}

// A [[session]]'s interface is the one it names, or the one that has its local address.
std::optional<bfd::SessionKey> Controller::key_of(const config::Session& session, const Homes& homes) const {
    bfd::SessionKey key{.local = session.local, .remote = session.remote, .multihop = session.multihop};
    if (session.multihop && session.vrf.empty()) return key;
    if (session.multihop) {
        const auto* vrf = host_.link(session.vrf);
        if (vrf == nullptr || vrf->kind != adjacency::vrf_kind) return std::nullopt;
        key.ifindex = vrf->index;
        return key;
    }
    const auto* const named = host_.link(session.interface);
    const auto home = session.interface.empty() ? homes.of(session.local)
                      : named != nullptr        ? std::optional{named->index}
                                                : std::nullopt;
    if (!home) return std::nullopt;
    key.ifindex = *home;
    return key;
}

void Controller::tell_bfdd() {
    for (const auto& [number, lid] : lids_.all()) {
        if (lid.stale) continue;
        const auto* session = lid.key ? sessions_.find(*lid.key) : nullptr;
        auto& told = told_bfdd_[number];
        auto status = session != nullptr ? session->status : told;
        if (session == nullptr && told.state == bfd::State::up) {  // its interface or address went
            status.state = bfd::State::down;
            status.diagnostic = bfd::Diagnostic::path_down;
        }
        if (told == status) continue;
        told = status;
        turn_.bfdd.push_back({number, status});
    }
}

// The names are those of today: a peer may have got one since the verdict, or gone.
std::string Controller::name_of(adjacency::AdjacencyId id) const {
    const auto* tracked = adjacencies_.find(id);
    return tracked != nullptr ? tracked->adjacency.name : std::string{};
}

std::vector<Record> Controller::report(base::Now now) {
    for (const auto& [at, id, before, verdict] : unreported_) convergence_.on_verdict(at, id, before, verdict);
    unreported_.clear();
    for (auto& [id, failover, to] : convergence_.close(now.steady)) {
        for (const auto& [other, prefixes] : to) {
            const auto name = name_of(other);
            (name.empty() ? failover.elsewhere : failover.to[name]) += prefixes;
        }
        const auto cause = failover.cause ? std::string{to_string(*failover.cause)} : std::string{};
        record(now, name_of(id), "failover", std::string{to_string(failover.before)},
               std::string{to_string(failover.verdict)}, cause);
        turn_.records.back().failover = failover;
        failovers_.insert_or_assign(id, std::move(failover));
    }
    return std::exchange(turn_.records, {});
}

// Who hears of a verdict, for its line in the log: one failover, one line.
std::string Controller::told(const Tracked& tracked) const {
    std::string all;
    const auto* session = tracked.key ? sessions_.find(*tracked.key) : nullptr;
    if (session != nullptr && !is_icmp(tracked) && session->askers.has(Asker::bfdd)) all = "told=frr-bfd";
    for (const auto& feed : tracked.adjacency.feeds) all += (all.empty() ? "told=" : ",") + feed;
    return all;
}

WereUp Controller::were_up() const {
    auto all = adjacencies_.were_up();
    all.insert(remembered_.begin(), remembered_.end());
    return all;
}

}  // namespace control
