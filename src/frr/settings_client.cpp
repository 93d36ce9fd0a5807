#include "frr/settings_client.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace frr {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration watch_every = 2s;    // an operator decides while we look away
constexpr base::Duration look_every = 30s;    // so that what is amiss is told before it is needed
constexpr base::Duration starting_for = 10s;  // a daemon that was restarted is told its configuration by then
constexpr base::Duration longest_back_off = 16s;
constexpr int share = 100;               // no more than so small a part of a daemon's time
constexpr std::size_t slice = 8 * 1024;  // bytes of configuration read at a time
constexpr std::uint8_t no_match = 2;

std::string show_interface(NeighborSource source, const std::string& name) {
    return (source == NeighborSource::ospf ? "show ip ospf interface " : "show ipv6 ospf6 interface ") + name + " json";
}

Setting cost_setting(NeighborSource source) {
    return source == NeighborSource::ospf ? Setting::ospf_cost : Setting::ospf6_cost;
}

std::string one_line(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
}

}  // namespace

SettingsClient::SettingsClient(Shared& shared, NeighborSource source, std::function<void()> on_settled)
    : shared_{shared},
      source_{source},
      on_settled_{std::move(on_settled)},
      vty_{shared.context, shared.directory, std::string{daemon_of(source)}},
      lines_{shared.undo, shared.directory, source},
      entry_{vty_,
             {.entered = [this](const Change& change,
                                const std::optional<VtyReply>& refusal) { on_entered(change, refusal); },
              .ended = [this] { end_look(); },
              .failed =
                  [this](const VtyError& error) {
                      unheard_ = entry_.unfinished();
                      failed(error);
                  }}},
      timer_{shared.context,
             [this] {
                 thorough_ = !is_watching();
                 look();
             }},
      turn_{shared.context, [this] { read(); }} {
    if (source_ == NeighborSource::bgp) return;
    for (const auto& [place, line] : held()) reckoned_.emplace(place.where, line.before.value_or(line.reckoned));
}

void SettingsClient::look() {
    if (busy_) {
        again_ = true;
        return;
    }
    again_ = false;
    if (shared_.wishes.interfaces.empty() && held().empty()) {
        timer_.cancel();
        desired_ = {};
        lines_.end_overruling({});
        return on_settled_();
    }
    busy_ = true;
    refusals_.clear();
    asked_ = std::chrono::steady_clock::now();
    ask("show running-config", &SettingsClient::on_configuration);
}

void SettingsClient::ask(std::string command, void (SettingsClient::*then)(VtyReply)) {
    vty_.command(std::move(command), [this, then](base::Result<VtyReply, VtyError> reply) {
        if (!reply) return failed(reply.error());
        (this->*then)(std::move(*reply));
    });
}

void SettingsClient::on_configuration(VtyReply reply) {
    const auto now = std::chrono::steady_clock::now();
    took_ = now - asked_;
    // Its first answer tells nothing of when it was started; one that only hung lives the same life.
    const bool restarted = life_ && *life_ != vty_.life();
    life_ = vty_.life();
    if (restarted) starting_until_ = now + starting_for;
    fresh_ = !std::exchange(answered_, true) || restarted;
    if (fresh_) {
        version_.reset();
        asked_for_.clear();
    }
    failure_.reset();
    back_off_ = {};
    if (!reply.ok())
        return failed({VtyFailure::closed,
                       std::string{daemon_of(source_)} + " does not show its configuration: " + one_line(reply.text)});
    reader_.emplace(std::move(reply.text));
    turn_.expire_after({});
}

void SettingsClient::read() {
    if (reader_->read(slice)) return turn_.expire_after({});
    shown_ = reader_->take();
    reader_.reset();
    lose();
    if (!version_) return ask("show version", &SettingsClient::on_version);
    ask_costs();
}

void SettingsClient::on_version(VtyReply reply) {
    version_ = parse_version(reply.text).value_or(Version{});
    ask_costs();
}

// Of a line that is ours the record tells it. Of the others it is needed where something is desired; whether OSPF runs
// there at all is told before that.
void SettingsClient::ask_costs() {
    interfaces_.clear();
    if (std::exchange(thorough_, false)) asked_for_.clear();
    if (source_ != NeighborSource::bgp)
        for (const auto& [name, wish] : shared_.wishes.interfaces) {
            const bool needed = wish.standing != Standing::fine || !asked_for_.contains(name);
            if (needed && !held().contains({cost_setting(source_), name})) interfaces_.push_back(name);
        }
    next_cost();
}

void SettingsClient::next_cost() {
    if (interfaces_.empty()) return plan();
    ask(show_interface(source_, interfaces_.back()), &SettingsClient::on_cost);
}

void SettingsClient::on_cost(VtyReply reply) {
    const auto& name = interfaces_.back();
    asked_for_.insert(name);
    reckoned_.erase(name);
    if (const auto cost = parse_ospf_cost(reply.text, name)) reckoned_.emplace(name, *cost);
    interfaces_.pop_back();
    next_cost();
}

void SettingsClient::plan() {
    const Own own = [this](const Place& place) {
        const auto found = held().find(place);
        return found != held().end() ? found->second.before : value_at(shown_, place);
    };
    if (source_ == NeighborSource::bgp) {
        const PeerLookup peers{shared_.wishes, shared_.links};
        desired_ = desired_bgp(peers, shown_, own, knows_neighbor_graceful_shutdown(*version_));
    } else {
        desired_ = desired_costs(cost_setting(source_), shared_.wishes, shown_, own, reckoned_);
    }
    lines_.end_overruling(desired_.lines);
    auto changes = changes_to(desired_.lines, held(), overruled(), shown_, reckoned_);
    if (!lines_.record(changes)) std::erase_if(changes, [](const Change& change) { return !change.takes_back; });
    looked_ = true;
    entry_.run(std::move(changes));
}

void SettingsClient::lose() {
    lines_.lose(lost_lines(held(), shown_,
                           {.fresh = fresh_,
                            .starting = std::chrono::steady_clock::now() < starting_until_,
                            .unheard = std::exchange(unheard_, {})}));
}

std::string SettingsClient::worded(const Change& change, const VtyReply& refusal) const {
    const std::string daemon{daemon_of(source_)};
    if (refusal.status == no_match && version_ && has_mgmtd(*version_))
        return daemon + " does not take " + to_string(change.place) +
               " on its own socket: this version keeps it in mgmtd, which wgbfd does not reach";
    return daemon + " refuses to change " + to_string(change.place) + ": " + one_line(refusal.text);
}

void SettingsClient::on_entered(const Change& change, const std::optional<VtyReply>& refusal) {
    if (refusal) {
        refusals_.push_back(worded(change, *refusal));
        // What was not entered is not ours; what stood before stands.
        if (!change.takes_back && change.record.ours.size() == 1) given_up_.insert(change.place);
    } else if (change.takes_back) {
        given_up_.insert(change.place);
    } else {
        lines_.entered(change);
    }
}

// Whether it heard the last command shows when it is looked at again.
void SettingsClient::failed(const VtyError& error) {
    if (!life_) life_ = vty_.life();
    failure_ = error;
    looked_ = false;
    back_off_ = std::clamp(back_off_ * 2, watch_every, longest_back_off);
    // What does not run starts with what its file says.
    if (shared_.leaving && error.failure == VtyFailure::not_running)
        for (const auto& [place, line] : held()) given_up_.insert(place);
    end_look();
}

void SettingsClient::end_look() {
    lines_.give_up(std::exchange(given_up_, {}));
    busy_ = false;
    if (again_) return look();
    const auto wait = !refusals_.empty() ? longest_back_off : is_watching() ? watch_every : look_every;
    timer_.expire_after(std::max({wait, back_off_, took_ * share}));
    on_settled_();
}

bool SettingsClient::is_watching() const {
    return !held().empty() || !desired_.lines.empty() || !refusals_.empty() || !lines_.problem().empty();
}

std::vector<std::string> SettingsClient::problems() const {
    std::vector<std::string> out;
    // A daemon that is not enabled is none of our business; one that was there is missed.
    if (failure_ && (answered_ || !held().empty() || failure_->failure != VtyFailure::not_running))
        out.push_back(failure_->text);
    if (!lines_.problem().empty()) out.push_back(lines_.problem());
    out.insert(out.end(), refusals_.begin(), refusals_.end());
    out.insert(out.end(), desired_.problems.begin(), desired_.problems.end());
    for (const auto& place : overruled())
        out.push_back(to_string(place) + " was changed to " + to_string(place, value_at(shown_, place)) +
                      " against us, and is left alone until all is well there again");
    return out;
}

}  // namespace frr
