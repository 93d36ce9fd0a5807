#include "quality/path_mtu.hpp"

#include <algorithm>
#include <utility>

namespace quality {

namespace {

using namespace std::chrono_literals;

constexpr auto every = 60s;
constexpr auto at_first = 5s;
constexpr auto pace = 500ms;        // of the pairs that a verdict rests on: loss comes in bursts
constexpr auto patience = 2s;       // for a pair of which nothing came
constexpr auto least_wait = 200ms;  // for the large one, once the small one is there
constexpr auto look_again = 10ms;   // what came has not been read yet

std::uint32_t scramble(std::uint32_t x) {
    x = (x ^ (x >> 16)) * 0x7feb'352dU;
    x = (x ^ (x >> 15)) * 0x846c'a68bU;
    return x ^ (x >> 16);
}

}  // namespace

PathMtu::PathMtu(std::uint16_t mtu, std::uint16_t least, std::uint32_t seed, base::TimePoint now)
    : least_{least}, random_{seed}, secret_{scramble(~seed)} {
    change(mtu, now);
}

void PathMtu::change(std::uint16_t mtu, base::TimePoint now) {
    const auto asked = std::min(mtu, greatest);
    if (asked == passage_.asked) return;
    passage_ = {.asked = asked};
    rest(now);
    if (due_ != base::never && !often_) due_ -= every - at_first;
}

void PathMtu::ask_often(bool often, base::TimePoint now) {
    if (std::exchange(often_, often) != often && doing_ == Doing::rest) rest(now);
}

// A stranger who never saw the probe cannot answer it.
std::uint32_t PathMtu::cookie(std::uint32_t sequence) const { return scramble(secret_ ^ scramble(sequence)); }

// Probes of many paths must not march in step: 95–105 % of the time.
void PathMtu::rest(base::TimePoint now) {
    doing_ = Doing::rest;
    pair_ = Pair::none;
    random_ = random_ * 1'664'525U + 1'013'904'223U;
    const base::Duration time = often_ ? at_first : every;
    due_ = passage_.asked <= least_ ? base::never : now + time * 95 / 100 + time / 10 * (random_ >> 16) / 65'536;
}

void PathMtu::begin_pair(base::TimePoint at) {
    sequence_ = first_sequence | ((sequence_ + 2) & 0x3fff'ffff);
    pair_ = Pair::large_next;
    small_came_ = false;
    due_ = at;
}

void PathMtu::ask_for(std::uint16_t size, base::TimePoint at) {
    size_ = size;
    passed_ = lost_ = silent_ = 0;
    begin_pair(at);
    first_of_size_ = sequence_;
}

std::optional<SizedProbe> PathMtu::next(base::TimePoint now, base::TimePoint seen_until, base::TimePoint gap_end) {
    if (now < due_) return std::nullopt;
    if (pair_ == Pair::out) {
        if (seen_until < due_) {
            due_ = now + look_again;
            return std::nullopt;
        }
        judge(now, gap_end);
        if (now < due_) return std::nullopt;
    }
    if (pair_ == Pair::none) {
        doing_ = Doing::checking;
        ask_for(passage_.asked, now);
    }
    if (pair_ == Pair::large_next) return SizedProbe{sequence_, size_};
    return SizedProbe{sequence_ + 1, least_};
}

void PathMtu::on_sent(base::TimePoint now, int error) {
    if (error != 0) return on_silent(now + pace);
    if (pair_ == Pair::large_next) {
        sent_ = now;
        pair_ = Pair::small_next;
    } else {
        pair_ = Pair::out;
        due_ = now + patience;
    }
}

bool PathMtu::on_answer(std::uint32_t sequence, std::uint32_t its_cookie, base::TimePoint arrival) {
    if (doing_ == Doing::rest || its_cookie != cookie(sequence)) return false;
    const auto since = (sequence - first_of_size_) & 0x3fff'ffff;
    const auto until = (sequence_ - first_of_size_) & 0x3fff'ffff;
    const bool has_gone = pair_ != Pair::large_next || sequence != sequence_;
    if (sequence % 2 == 0 && since <= until && has_gone) {  // also one that was given up: it came
        on_passed(arrival);
        return true;
    }
    if (pair_ != Pair::out || sequence != sequence_ + 1 || small_came_) return false;
    small_came_ = true;
    const auto round_trip = std::max<base::Duration>(arrival - sent_, 0s);
    due_ = std::min(due_, arrival + std::max<base::Duration>(least_wait, 3 * round_trip));
    return true;
}

void PathMtu::judge(base::TimePoint now, base::TimePoint gap_end) {
    if (small_came_ && sent_ >= gap_end)
        on_lost(now);
    else
        on_silent(now);
}

void PathMtu::on_passed(base::TimePoint now) {
    if (doing_ == Doing::searching) {
        low_ = size_;
        return search(now);
    }
    lost_ = silent_ = 0;
    if (passage_.fit == Fit::limited && ++passed_ < passed_to_clear) {
        begin_pair(std::max(now, sent_ + pace));
        first_of_size_ = sequence_;  // each is counted once
        return;
    }
    passage_ = {.fit = Fit::whole, .asked = passage_.asked};
    rest(now);
}

void PathMtu::on_lost(base::TimePoint now) {
    ++lost_;
    passed_ = 0;
    if (doing_ == Doing::searching) {
        if (lost_ < lost_to_bound) return begin_pair(now);
        high_ = size_;
        return search(now);
    }
    const bool known = passage_.fit == Fit::limited;
    if (lost_ < (known ? lost_to_stay : lost_to_raise)) return begin_pair(std::max(now, sent_ + pace));
    passage_.fit = Fit::limited;
    doing_ = Doing::searching;
    low_ = least_;
    high_ = passage_.asked;
    search(now);
}

void PathMtu::on_silent(base::TimePoint now) {
    if (++silent_ >= silent_to_give_up) return rest(now);
    begin_pair(now);
}

// What was found before is looked at first: it passes still, and one grain more does not.
void PathMtu::search(base::TimePoint now) {
    const auto before = passage_.largest;
    auto size = static_cast<std::uint16_t>((low_ + high_) / 2 / grain * grain);
    if (before > low_ && before < high_) size = before;
    if (before == low_ || size <= low_) size = static_cast<std::uint16_t>((low_ / grain + 1) * grain);
    if (size < high_) return ask_for(size, now);
    passage_.largest = static_cast<std::uint16_t>(low_ / grain * grain);
    rest(now);
}

}  // namespace quality
