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
      timer_{shared.context,
             [this] {
                 thorough_ = !is_watching();
                 look();
             }},
      turn_{shared.context, [this] { read(); }} {
    for (const auto& record : shared_.undo.records(vty_feed)) {
        auto known = parse_record(record);
        if (!known || known->directory != shared_.directory || source_of(known->place.setting) != source_) continue;
        if (known->held.ours.empty()) {
            overruled_.insert(std::move(known->place));
            continue;
        }
        if (source_ != NeighborSource::bgp)
            reckoned_.emplace(known->place.where, known->held.before.value_or(known->held.reckoned));
        held_.emplace(std::move(known->place), std::move(known->held));
    }
}

void SettingsClient::look() {
    if (busy_) {
        again_ = true;
        return;
    }
    again_ = false;
    if (shared_.wishes.interfaces.empty() && held_.empty()) {
        timer_.cancel();
        desired_ = {};
        end_overruling();
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
    reconnected_ = vty_.connections() != std::exchange(connection_, vty_.connections());
    // Its first connection tells nothing of when it was started, and one that we gave up ourselves neither.
    const bool hung = failure_ && failure_->failure == VtyFailure::timeout;
    if (reconnected_ && !hung && (connection_ > 1 || failure_)) starting_until_ = now + starting_for;
    answered_ = true;
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
    if (reconnected_ || !version_) return ask("show version", &SettingsClient::on_version);
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
    if (std::exchange(thorough_, false) || reconnected_) asked_for_.clear();
    if (source_ != NeighborSource::bgp)
        for (const auto& [name, wish] : shared_.wishes.interfaces) {
            const bool needed = wish.standing != Standing::fine || !asked_for_.contains(name);
            if (needed && !held_.contains({cost_setting(source_), name})) interfaces_.push_back(name);
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
        const auto found = held_.find(place);
        return found != held_.end() ? found->second.before : value_at(shown_, place);
    };
    if (source_ == NeighborSource::bgp) {
        const PeerLookup peers{shared_.wishes, shared_.links};
        desired_ = desired_bgp(peers, shown_, own, knows_neighbor_graceful_shutdown(*version_));
    } else {
        desired_ = desired_costs(cost_setting(source_), shared_.wishes, shown_, own, reckoned_);
    }
    end_overruling();
    changes_ = changes_to(desired_.lines, held_, overruled_, shown_, reckoned_);
    if (!record()) std::erase_if(changes_, [](const Change& change) { return !change.takes_back; });
    looked_ = true;
    next_change();
}

void SettingsClient::lose() {
    std::set<Place> places;
    std::vector<Place> decided;
    for (const auto& lost :
         lost_lines(held_, shown_, reconnected_, std::chrono::steady_clock::now() < starting_until_)) {
        if (lost.decided)
            decided.push_back(lost.place);
        else
            places.insert(lost.place);
    }
    give_up(places);
    leave_alone(decided);
}

// Whoever comes after us is to leave it alone, too.
void SettingsClient::leave_alone(const std::vector<Place>& places) {
    std::vector<io::UndoRecord> records;
    for (const auto& place : places) {
        auto line = std::move(held_.at(place));
        held_.erase(place);
        overruled_.insert(place);
        line.ours.clear();
        records.push_back(to_record(shared_.directory, place, line));
    }
    try {
        shared_.undo.record(records);
    } catch (const std::system_error& error) {
        undo_problem_ = std::string{"an undo record stays: "} + error.what();
    }
}

void SettingsClient::end_overruling() {
    std::set<Place> over;
    for (const auto& place : overruled_)
        if (!desired_.lines.contains(place)) over.insert(place);
    for (const auto& place : over) overruled_.erase(place);
    give_up(over);
}

void SettingsClient::give_up(const std::set<Place>& places) {
    if (places.empty()) return;
    std::vector<std::string> subjects;
    for (const auto& place : places) {
        held_.erase(place);
        subjects.push_back(to_subject(shared_.directory, place));
    }
    try {
        shared_.undo.forget(vty_feed, subjects);
        undo_problem_.clear();
    } catch (const std::system_error& error) {
        // A record too many is harmless: it is reverted only where our value still stands.
        undo_problem_ = std::string{"an undo record stays: "} + error.what();
    }
}

bool SettingsClient::record() {
    std::vector<io::UndoRecord> records;
    for (const auto& change : changes_)
        if (!change.takes_back) records.push_back(to_record(shared_.directory, change.place, change.record));
    try {
        shared_.undo.record(records);
        if (!records.empty()) undo_problem_.clear();
    } catch (const std::system_error& error) {
        undo_problem_ = std::string{daemon_of(source_)} +
                        " is left as it is, for its undo record cannot be written: " + error.what();
        return false;
    }
    for (const auto& change : changes_)
        if (!change.takes_back) held_.insert_or_assign(change.place, change.record);
    return true;
}

void SettingsClient::next_change() {
    if (changes_.empty()) return end_look();
    const auto& change = changes_.back();
    steps_ = commands_for(change.place, change.to, change.block);
    steps_.insert(steps_.begin(), "configure terminal");
    steps_.emplace_back("end");
    std::ranges::reverse(steps_);
    refusal_.reset();
    ask(steps_.back(), &SettingsClient::on_step);
}

void SettingsClient::on_step(VtyReply reply) {
    steps_.pop_back();
    if (steps_.empty()) return end_change();
    if (!reply.ok() && !refusal_) {
        refusal_ = refused(changes_.back(), reply);
        steps_ = {"end"};  // whatever was refused, the next change begins at the top
    }
    ask(steps_.back(), &SettingsClient::on_step);
}

std::string SettingsClient::refused(const Change& change, const VtyReply& reply) const {
    const std::string daemon{daemon_of(source_)};
    if (reply.status == no_match && version_ && has_mgmtd(*version_))
        return daemon + " does not take " + to_string(change.place) +
               " on its own socket: this version keeps it in mgmtd, which wgbfd does not reach";
    return daemon + " refuses to change " + to_string(change.place) + ": " + one_line(reply.text);
}

void SettingsClient::end_change() {
    const auto change = std::move(changes_.back());
    changes_.pop_back();
    if (refusal_) {
        refusals_.push_back(*std::move(refusal_));
        // What was not entered is not ours; what stood before stands.
        if (!change.takes_back && change.record.ours.size() == 1) given_up_.insert(change.place);
    } else if (change.takes_back) {
        given_up_.insert(change.place);
    } else {
        held_.at(change.place).ours = {*change.to};
    }
    next_change();
}

// Whether it heard the last command shows when it is looked at again.
void SettingsClient::failed(const VtyError& error) {
    failure_ = error;
    looked_ = false;
    changes_.clear();
    back_off_ = std::clamp(back_off_ * 2, watch_every, longest_back_off);
    // What does not run starts with what its file says.
    if (shared_.leaving && error.failure == VtyFailure::not_running)
        for (const auto& [place, line] : held_) given_up_.insert(place);
    end_look();
}

void SettingsClient::end_look() {
    give_up(std::exchange(given_up_, {}));
    busy_ = false;
    if (again_) return look();
    const auto wait = !refusals_.empty() ? longest_back_off : is_watching() ? watch_every : look_every;
    timer_.expire_after(std::max({wait, back_off_, took_ * share}));
    on_settled_();
}

bool SettingsClient::is_watching() const {
    return !held_.empty() || !desired_.lines.empty() || !refusals_.empty() || !undo_problem_.empty();
}

std::vector<std::string> SettingsClient::problems() const {
    std::vector<std::string> out;
    // A daemon that is not enabled is none of our business; one that was there is missed.
    if (failure_ && (answered_ || !held_.empty() || failure_->failure != VtyFailure::not_running))
        out.push_back(failure_->text);
    if (!undo_problem_.empty()) out.push_back(undo_problem_);
    out.insert(out.end(), refusals_.begin(), refusals_.end());
    out.insert(out.end(), desired_.problems.begin(), desired_.problems.end());
    for (const auto& place : overruled_)
        out.push_back(to_string(place) + " was changed to " + to_string(place, value_at(shown_, place)) +
                      " against us, and is left alone until all is well there again");
    return out;
}

}  // namespace frr
