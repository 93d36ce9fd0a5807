#include "bird/include_feed.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace bird {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration look_soon_after = 100ms;  // whether BIRD runs what it was told to
constexpr base::Duration runs_within = 10s;        // BIRD 3 takes a configuration and carries it out later
constexpr base::Duration longest_retry = 30s;
constexpr base::Duration leave_within = 2s;

// Slow values changed that were there before.
bool slow_change(const Defines& from, const Defines& to) { return with_slow_of(to, from) != to; }

}  // namespace

IncludeFeed::IncludeFeed(boost::asio::io_context& context, io::UndoLog& undo, std::function<base::Now()> now,
                         SharedControl& control, KeptDisabled& kept, std::string path, IncludeSettings settings)
    : undo_{undo},
      now_{std::move(now)},
      control_{control},
      kept_{kept},
      store_{std::move(path)},
      reconfiguration_{control, kept, store_},
      settings_{std::move(settings)},
      again_{context, [this] { settle(); }},
      limit_{context, [this] {
                 if (left_) std::exchange(left_, {})();
             }} {
    prepare_file();
}

// Before anything else: BIRD does not start without the file, nor with a file that lacks a constant it uses.
void IncludeFeed::prepare_file() {
    const auto stands = store_.read();
    const auto records = undo_.records(include_feed);
    const bool adopted = std::ranges::find(records, include_subject(control_.path(), path().string()),
                                           &io::UndoRecord::subject) != records.end();
    auto fresh = desired_include(settings_.entries, {}).defines;
    if (stands && adopted)  // the values of an earlier process stand; those of an earlier boot mean nothing
        for (auto& define : fresh)
            if (const auto old = std::ranges::find(*stands, define.name, &Define::name); old != stands->end()) {
                define.value = old->value;
                if (is_slow(define)) known_.push_back(*old);
            }
    good_ = stands ? with_leftovers(std::move(fresh), *stands) : std::move(fresh);
    if (!store_.write(good_, true)) problem_ = store_.problem();
}

void IncludeFeed::configure(IncludeSettings settings) {
    if (settings.entries != settings_.entries) keeps_leftovers_ = false;
    settings_ = std::move(settings);
}

void IncludeFeed::apply(std::span<const policy::Wanted> all) {
    auto desired = desired_include(settings_.entries, all);
    judged_ = true;
    const bool same = desired == desired_;
    desired_ = std::move(desired);
    remember_measured();
    if (!joined_ && !(desired_.defines.empty() && good_.empty())) {
        joined_ = true;
        control_.join({.ready = [this](const Version&) { on_ready(); },
                       .lost = [this](const ControlError& error) { on_lost(error); }});
    }
    std::erase_if(told_, [&](const auto& entry) { return !desired_.told.contains(entry.first); });
    if (same) return;
    retry_ = {};  // a new verdict is worth a new attempt
    settle();
}

// The values as they should stand now: communities wait for their turn.
Defines IncludeFeed::wanted() {
    if (leaving_) return with_leftovers(put_at_rest(desired_.defines), put_at_rest(good_));
    auto out = with_unmeasured_of(desired_, known_);
    if (slow_change(good_, out) && now_().steady < slow_not_before_) return with_slow_of(std::move(out), good_);
    return out;
}

void IncludeFeed::remember_measured() {
    for (const auto& define : desired_.defines) {
        if (!is_slow(define) || desired_.unmeasured.contains(define.name)) continue;
        const auto old = std::ranges::find(known_, define.name, &Define::name);
        if (old != known_.end())
            *old = define;
        else
            known_.push_back(define);
    }
}

bool IncludeFeed::record(const Defines& defines) { return is_at_rest(defines) || record_it(); }

bool IncludeFeed::record_it() {
    try {
        undo_.record({include_feed, include_subject(control_.path(), path().string()), "at rest", "written by wgbfd"});
        undo_problem_.clear();
        return true;
    } catch (const std::system_error& error) {
        problem_ = "left " + path().string() + " as it is, for its undo record cannot be written: " + error.what();
        return false;
    }
}

void IncludeFeed::forget() {
    try {
        undo_.forget(include_feed, include_subject(control_.path(), path().string()));
        undo_problem_.clear();
    } catch (const std::system_error& error) {
        // A record too many is harmless: what it would put at rest is.
        undo_problem_ = std::string{"an undo record stays: "} + error.what();
    }
}

void IncludeFeed::settle() {
    if (!judged_ || reconfiguration_.is_running() || looking_) return;
    if (control_.is_ready() && joined_) return look();
    // While the first attempt is on its way nobody knows whether BIRD runs.
    if (!joined_ || !control_problem_.empty()) write_unasked(wanted(), not_running_);
}

// Where BIRD does not run it reads the file when it starts, and where it is not ours to tell, when somebody has it do
// so. `elsewhere`: it runs no value of ours now, so that what is at rest needs no undoing.
void IncludeFeed::write_unasked(const Defines& defines, bool elsewhere) {
    auto all = with_leftovers(defines, good_);  // nobody checks it: what BIRD may use stays
    if (!record(all)) return;
    if (!store_.write(all, leaving_)) {
        problem_ = store_.problem();
        return try_later();
    }
    good_ = std::move(all);
    if (elsewhere && is_at_rest(good_)) forget();
    check_left();
}

void IncludeFeed::look() {
    looking_ = true;
    control_.command(std::string{"eval "} + content_name, [this](const auto& answer) { on_content(answer); });
}

void IncludeFeed::on_content(const base::Result<Reply, ControlError>& answer) {
    if (!answer) return;  // on_lost() follows
    looking_ = false;
    if (const auto active = content_in(*answer)) return judge(*active);
    problem_ = "BIRD's running configuration does not include " + path().string() + ": write include \"" +
               path().string() + "\"; on a line of its own, above all that uses it, and run 'birdc configure'";
    confirmed_.reset();
    sent_.reset();
    held_ = false;
    again_.expire_after(settings_.look_again);
    write_unasked(wanted(), true);
}

// What was seen to run does so no more, and what runs is not what stands in the file: `configure undo`, or another
// file. To configure would bring back what somebody has just turned away.
bool IncludeFeed::is_moved_back(std::uint32_t active) const {
    const auto& stands = store_.holds();
    return (held_ || (confirmed_ && active != *confirmed_)) && !sent_ && !(stands && active == content_of(*stands));
}

void IncludeFeed::judge(std::uint32_t active) {
    const auto want = wanted();
    if (sent_ == active) sent_.reset();
    const bool same = active == content_of(want) || active == content_of(with_leftovers(want, good_));
    held_ = !same && is_moved_back(active);
    if (same) return confirmed(active);
    if (held_) {
        problem_ =
            "BIRD runs an earlier configuration than the one in its files ('configure undo'?): it is left alone "
            "until you run 'birdc configure'";
        again_.expire_after(settings_.look_again);
        // What it runs may be values of ours that hold no more: whoever stops us must find that.
        return record_it() ? write_unasked(want, false) : try_later();
    }
    if (!sent_) confirmed_ = active;
    const auto now = now_().steady;
    if (sent_ && now - sent_at_ < runs_within) return again_.expire_after(look_soon_after);
    sent_.reset();
    if (now < not_before_ && !leaving_) return again_.expire_after(not_before_ - now);
    reconfigure();
}

void IncludeFeed::confirmed(std::uint32_t content) {
    confirmed_ = content;
    sent_.reset();
    kept_.make_good();
    retry_ = {};
    problem_.clear();
    if (keeps_leftovers_)
        problem_ =
            "BIRD's configuration uses constants of adjacencies that wgbfd's no longer names; they stand at rest "
            "in " +
            path().string() + " until it does not";
    auto all = wanted();
    if (content != content_of(all)) all = with_leftovers(std::move(all), good_);
    if (store_.write(all, leaving_))  // somebody may have taken the file away, or changed it
        good_ = all;
    else
        problem_ = store_.problem();
    for (const auto& [id, what] : desired_.told) {
        auto& told = told_[id];
        if (told.told != what) told = {id, what, now_().wall};
    }
    if (is_at_rest(good_)) forget();
    again_.expire_after(settings_.look_again);
    check_left();
}

void IncludeFeed::reconfigure() {
    const auto want = wanted();
    if (!record(want)) return try_later();
    auto with = with_leftovers(want, good_);
    std::vector<Defines> candidates;
    if (with == want || !keeps_leftovers_) candidates.push_back(want);
    if (with != want) candidates.push_back(std::move(with));
    reconfiguration_.run(
        std::move(candidates), good_,
        [this](Outcome outcome, const std::string& text, const Defines& taken) { on_outcome(outcome, text, taken); });
}

void IncludeFeed::on_taken(const Defines& taken) {
    const auto now = now_().steady;
    if (slow_change(good_, taken)) slow_not_before_ = now + settings_.communities_interval;
    keeps_leftovers_ = taken.size() > wanted().size();
    good_ = taken;
    sent_ = content_of(taken);
    sent_at_ = now;
    not_before_ = now + settings_.interval;
    settle();
}

void IncludeFeed::on_outcome(Outcome outcome, const std::string& text, const Defines& taken) {
    if (outcome == Outcome::taken) return on_taken(taken);
    if (outcome == Outcome::lost) return;  // on_lost() follows
    if (outcome == Outcome::no_answer) {   // … and a BIRD that reads its files for long is not asked at once again
        retry_ = std::clamp(retry_ * 2, settings_.look_again, longest_retry);
        not_before_ = now_().steady + retry_;
        return;
    }
    problem_ = explain(outcome, text, control_.path());
    if (outcome == Outcome::on_trial) return again_.expire_after(settings_.look_again);
    try_later();
}

void IncludeFeed::try_later() {
    retry_ = std::clamp(retry_ * 2, settings_.look_again, longest_retry);
    again_.expire_after(retry_);
}

void IncludeFeed::on_ready() {
    control_problem_.clear();
    not_running_ = held_ = false;
    confirmed_.reset();
    sent_.reset();
    settle();
}

void IncludeFeed::on_lost(const ControlError& error) {
    control_problem_ = error.text;
    problem_.clear();
    looking_ = false;
    not_running_ = error.failure == ControlFailure::not_running;
    settle();
}

void IncludeFeed::withdraw_all(std::function<void()> done) {
    left_ = std::move(done);
    leaving_ = judged_ = true;
    limit_.expire_after(leave_within);
    settle();
    check_left();
}

void IncludeFeed::check_left() {
    if (!left_ || reconfiguration_.is_running() || looking_ || !kept_.is_clear()) return;
    const auto records = undo_.records(include_feed);
    if (std::ranges::find(records, include_subject(control_.path(), path().string()), &io::UndoRecord::subject) ==
        records.end())
        limit_.expire_after({});  // in a turn of its own
}

policy::FeedStatus IncludeFeed::status() const {
    policy::FeedStatus out{.name = include_feed, .healthy = true, .problem = undo_problem_, .told = {}};
    const auto add = [&](const std::string& problem) {
        if (!problem.empty()) out.problem += (out.problem.empty() ? "" : "; ") + problem;
    };
    if (joined_) add(control_problem_);
    add(problem_);
    if (kept_.problem() != problem_) add(kept_.problem());
    for (const auto& name : desired_.unnamed)
        add(name +
            " has the feed bird-include and no name that BIRD's configuration could rely on: give it an "
            "[[adjacency]] with a name");
    for (const auto& [id, told] : told_) out.told.push_back(told);
    out.healthy = out.problem.empty();
    return out;
}

}  // namespace bird
