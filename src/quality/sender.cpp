#include "quality/sender.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace quality {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 2s;
// Leaves places free for the probes sent while the oldest is judged.
constexpr int intervals_at_most = static_cast<int>(Sender::capacity) - 4;
// Numbers so far behind, or so many in a row, are no reordering: the reflector has begun anew.
constexpr std::uint32_t behind_at_most = Sender::capacity;

constexpr std::int32_t distance(std::uint32_t from, std::uint32_t to) { return static_cast<std::int32_t>(to - from); }

Ticks wrapped(base::Duration d) { return static_cast<Ticks>(static_cast<std::uint64_t>(d.count() / tick.count())); }
Ticks magnitude(std::int32_t d) { return static_cast<Ticks>(d < 0 ? -std::int64_t{d} : std::int64_t{d}); }

}  // namespace

base::Duration give_up_after(base::Duration interval) {
    return std::min<base::Duration>(std::max<base::Duration>(patience, 2 * interval), intervals_at_most * interval);
}

Sender::Sender(base::Duration interval, bool reflector_numbers, std::uint32_t silence)
    : give_up_{give_up_after(interval)}, greeting_{reflector_numbers}, silence_{silence} {}

void Sender::on_sent(base::TimePoint at, std::uint32_t cookie) {
    if (next_ - first_ == capacity) {  // nobody has judged for a long time: that one is not counted
        ++first_;
        forget_gap();
    }
    last_sent_ = at;
    place(next_) = {.cookie = cookie, .sent = wrapped(at.time_since_epoch()), .state = State::under_way};
    ++next_;
}

// Probes under way are younger than the wrap of their ticks.
base::TimePoint Sender::sent_at(const Place& place) const {
    return last_sent_ - from_ticks(wrapped(last_sent_.time_since_epoch()) - place.sent);
}

// What of it reached the reflector is anybody's guess.
void Sender::forget_gap() {
    ways_ = {};
    previous_.known = false;
}

void Sender::begin_anew() {
    ring_.fill({});
    first_ = next_ = 0;
    lost_ = silent_ = 0;
    greeting_ = false;
    ways_from_ = last_sent_ + give_up_;  // what is still under way from the first session has numbers too
}

Taken Sender::on_answer(const Answer& answer) {
    if (distance(first_, answer.sequence) < 0 || distance(answer.sequence, next_) <= 0) return Taken::stale;
    auto& asked = place(answer.sequence);
    if (asked.cookie != answer.cookie || asked.state == State::free) return Taken::stale;
    if (asked.state == State::answered) {
        // A copy made on the way there was counted by the reflector as one more.
        if (answer.number && *answer.number != asked.number && asked.copies < UINT8_MAX) ++asked.copies;
        return Taken::duplicate;
    }
    answered_ = true;
    silent_ = 0;
    if (greeting_) {
        begin_anew();
        return Taken::fresh;
    }
    const auto round_trip = std::max(answer.arrival - sent_at(asked), base::Duration{0});
    // A residence longer than the whole journey is a clock that was set.
    const bool plausible = answer.residence >= 0ns && answer.residence <= round_trip;
    asked.rtt = to_ticks(plausible ? round_trip - answer.residence : round_trip);
    asked.outward = wrapped(answer.outward);
    asked.number = answer.number.value_or(0);
    asked.state = State::answered;
    if (answer.number && *answer.number != answer.sequence) numbering_ = Numbering::stateful;
    if (answer.number && numbering_ == Numbering::unknown) numbering_ = Numbering::stateless;
    return Taken::fresh;
}

bool Sender::decide(base::TimePoint seen_until, base::TimePoint gap_end, Results& out) {
    for (; first_ != next_; ++first_) {
        auto& oldest = place(first_);
        const auto sent = sent_at(oldest);
        if (sent + give_up_ > seen_until) return false;
        if (oldest.state == State::answered) {
            if (out.full()) return true;
            count_answer(oldest, out);
        } else if (sent < gap_end) {
            forget_gap();
        } else {
            ++lost_;
            ++silent_;
        }
        oldest.state = State::free;
    }
    return false;
}

void Sender::count_answer(const Place& answered, Results& out) {
    if (lost_ >= silence_ || !told_) {
        if (lost_ > 0) forget_gap();
        lost_ = 0;
    }
    told_ = true;
    const auto lost = std::exchange(lost_, 0U);
    out.probes = static_cast<std::uint16_t>(out.probes + lost + 1);
    out.rtts[out.answers++] = answered.rtt;
    count_variation(answered, out);
    if (numbering_ != Numbering::stateful) return;
    ways_.unanswered += lost;
    ways_.sent += lost + 1;
    count_ways(answered, out);
}

void Sender::count_variation(const Place& answered, Results& out) {
    const auto before = previous_;
    previous_ = {true, answered.rtt, answered.outward};
    if (!before.known) return;
    const auto round_trip = distance(before.rtt, answered.rtt);
    out.round_trip.add(magnitude(round_trip));
    if (numbering_ == Numbering::unknown) return;
    // A way takes no less than nothing and no more than the whole: anything else is a clock that was set.
    const auto slack = static_cast<std::int64_t>(1ms / tick);
    const auto outward = distance(before.outward, answered.outward);
    if (outward < -slack - std::int64_t{before.rtt} || outward > slack + std::int64_t{answered.rtt}) return;
    out.forward.add(magnitude(outward));
    out.backward.add(magnitude(static_cast<std::int32_t>(
        std::clamp<std::int64_t>(std::int64_t{round_trip} - outward, std::numeric_limits<std::int32_t>::min() + 1,
                                 std::numeric_limits<std::int32_t>::max()))));
}

// Answers to later probes that overtook the one with `number` on the way there.
std::uint32_t Sender::ahead_of(std::uint32_t number) const {
    std::uint32_t count = 0;
    for (auto sequence = first_ + 1; sequence != next_; ++sequence) {
        const auto& later = place(sequence);
        if (later.state == State::answered && distance(later.number, number) > 0 &&
            distance(ways_.base, later.number) >= 0)
            ++count;
    }
    return count;
}

void Sender::count_ways(const Place& answered, Results& out) {
    const auto number = answered.number;
    if (ways_.known && distance(ways_.base, number) >= 0) ways_.answered += 1U + answered.copies;
    if (ways_.any && distance(ways_.highest, number) <= 0) {  // overtaken on the way there: the next one settles it
        const bool is_far = distance(number, ways_.highest) > static_cast<std::int32_t>(behind_at_most);
        if (is_far || ++ways_.behind >= behind_at_most) ways_ = {};
        return;
    }
    if (!ways_.known) {  // higher than all that were decided: what comes from here on is counted
        const bool begins = sent_at(answered) >= ways_from_;
        ways_ = {.any = true, .known = begins, .base = number, .highest = number, .answered = 1U + answered.copies};
        return;
    }
    ways_.behind = 0;
    const auto reached = static_cast<std::int64_t>(number - ways_.base) + 1;
    const auto came_back = static_cast<std::int64_t>(ways_.answered) + ahead_of(number);
    const auto backward = std::max(reached - came_back, ways_.backward_lost);
    const auto forward = std::max(ways_.unanswered - backward, ways_.forward_lost);
    const auto add = [](std::uint16_t& to, std::int64_t n) {
        to = static_cast<std::uint16_t>(std::min<std::int64_t>(to + n, UINT16_MAX));
    };
    add(out.forward_sent, ways_.sent);
    add(out.forward_lost, forward - ways_.forward_lost);
    add(out.backward_sent, distance(ways_.highest, number));
    add(out.backward_lost, backward - ways_.backward_lost);
    ways_.forward_lost = forward;
    ways_.backward_lost = backward;
    ways_.highest = number;
    ways_.sent = 0;
}

}  // namespace quality
