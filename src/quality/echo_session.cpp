#include "quality/echo_session.hpp"

#include <algorithm>
#include <utility>

#include "quality/results.hpp"

namespace quality {

namespace {

using namespace std::chrono_literals;

constexpr auto slow = 1s;
constexpr auto slowest = 10s;
constexpr auto slow_for = 60s;       // then ever more slowly
constexpr auto oldest_answer = 60s;  // an answer older than this is nobody's
constexpr auto look_again = 200us;   // what came has not been read yet

std::uint32_t scramble(std::uint32_t x) {
    x = (x ^ (x >> 16)) * 0x7feb'352dU;
    x = (x ^ (x >> 15)) * 0x846c'a68bU;
    return x ^ (x >> 16);
}

Ticks wrapped(base::TimePoint at) {
    return static_cast<Ticks>(static_cast<std::uint64_t>(at.time_since_epoch() / tick));
}

}  // namespace

EchoSession::EchoSession(const EchoParameters& parameters, std::uint32_t seed, base::TimePoint now)
    : parameters_{parameters},
      random_{seed},
      secret_{scramble(~seed)},
      quiet_since_{now},
      send_at_{parameters.admin_down ? base::never : now} {
    if (parameters.admin_down) status_.state = EchoState::admin_down;
    status_.changed = now;
}

// Answers carry the moment of the question home: nothing has to be kept of what is under way, however long it takes.
std::uint32_t EchoSession::cookie(std::uint32_t sequence, base::TimePoint sent) const {
    return wrapped(sent) ^ scramble(secret_ ^ scramble(sequence));
}

void EchoSession::change(const EchoParameters& parameters, base::TimePoint now) {
    if (parameters == parameters_) return;
    const bool was_shut = parameters_.admin_down;
    parameters_ = parameters;
    if (parameters.admin_down) {
        send_at_ = base::never;
        if (!was_shut) move(EchoState::admin_down, now);
    } else if (was_shut) {
        send_at_ = quiet_since_ = now;
        answers_ = 0;
        move(EchoState::down, now);
    } else {
        // The echoes that went out at the old pace do not count by the new one.
        send_at_ = std::min(send_at_, now + wanted_interval(now));
        judged_from_ = std::max(judged_from_, now + round_trip_ + detection_time());
        asked_ = 0;
    }
}

void EchoSession::nudge(base::TimePoint now) {
    if (status_.ever_heard || status_.state == EchoState::admin_down) return;
    quiet_since_ = now;
    send_at_ = std::min(send_at_, now + slow);
}

base::TimePoint EchoSession::silence_deadline() const {
    // Whoever asks too slowly waits for its last question: a gap of our own is no silence of the peer's.
    if (status_.state != EchoState::up || asked_ < parameters_.multiplier) return base::never;
    return std::max(last_answer_ + detection_time(), judged_from_);
}

base::TimePoint EchoSession::deadline() const { return std::min(send_at_, std::max(silence_deadline(), look_at_)); }

std::optional<std::uint32_t> EchoSession::on_deadline(base::TimePoint now, base::TimePoint seen_until,
                                                      base::TimePoint gap_end) {
    if (gap_end > last_answer_) forgive(gap_end);
    if (send_at_ != base::never && now - send_at_ > detection_time() / 2) forgive(now);
    if (silence_deadline() <= now) {
        if (silence_deadline() <= seen_until)
            move(EchoState::down, now);
        else
            look_at_ = now + look_again;
    }
    if (now < send_at_) return std::nullopt;
    return next_;
}

void EchoSession::forgive(base::TimePoint now) {
    if (std::exchange(forgiven_, true)) return;
    judged_from_ = std::max(judged_from_, now + round_trip_ + detection_time());
    asked_ = 0;
}

// For want of room on this host it said nothing to the peer.
void EchoSession::on_sent(base::TimePoint now, bool for_want_of_room) {
    if (for_want_of_room) {
        forgive(now);
    } else {
        ++asked_;
        next_ = first_sequence | ((next_ + 1) & 0x3fff'ffff);
    }
    send_at_ = now + jittered(wanted_interval(now));
}

base::Duration EchoSession::wanted_interval(base::TimePoint now) const {
    const auto at_rest = std::max<base::Duration>(parameters_.interval, slow);
    if (status_.state == EchoState::up) return parameters_.interval;
    if (!status_.ever_heard && now - quiet_since_ > slow_for)
        return std::clamp<base::Duration>((now - quiet_since_) / 60, at_rest,
                                          std::max<base::Duration>(at_rest, slowest));
    const bool is_rising = answers_ > 0 && now - last_answer_ <= round_trip_ + detection_time();
    return is_rising ? parameters_.interval : at_rest;
}

// As RFC 5880 §6.8.7: reduced by up to a quarter.
base::Duration EchoSession::jittered(base::Duration interval) {
    random_ = random_ * 1'664'525U + 1'013'904'223U;
    return interval * 3 / 4 + interval / 4 * (random_ >> 16) / 65'536;
}

bool EchoSession::on_answer(std::uint32_t sequence, std::uint32_t its_cookie, base::TimePoint arrival) {
    if (status_.state == EchoState::admin_down || !owns(sequence)) return false;
    const auto age = from_ticks(static_cast<std::int32_t>(wrapped(arrival) - (its_cookie ^ cookie(sequence, {}))));
    if (age < -1ms || age > oldest_answer) return false;
    // One that was overtaken, or comes twice, says nothing new.
    const auto ahead = (sequence - answered_) & 0x3fff'ffff;
    const auto under_way = (next_ - 1 - answered_) & 0x3fff'ffff;
    if (ahead == 0 || ahead > under_way) return false;
    answers_ = static_cast<std::uint8_t>(ahead == 1 || answers_ == 0 ? std::min(answers_ + 1, answers_to_rise) : 1);
    answered_ = sequence;
    round_trip_ = std::max<base::Duration>(age, 0s);
    last_answer_ = std::max(last_answer_, arrival);
    asked_ = 0;
    forgiven_ = false;
    status_.ever_heard = true;
    if (status_.state == EchoState::up) return true;
    if (answers_ >= answers_to_rise)
        move(EchoState::up, arrival);
    else  // the next one at once, not in a second
        send_at_ = std::min(send_at_, arrival + jittered(parameters_.interval));
    return true;
}

void EchoSession::move(EchoState to, base::TimePoint at) {
    status_.state = to;
    status_.changed = at;
    if (to == EchoState::up) status_.ever_up = true;
    if (to == EchoState::down) answers_ = 0;
    look_at_ = {};
    judged_from_ = std::max(judged_from_, at);
}

}  // namespace quality
