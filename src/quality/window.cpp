#include "quality/window.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

namespace quality {

namespace {

constexpr unsigned mantissa_bits = 11;

// Where each point of a decade stands, and how much of the decade it speaks for.
struct Point {
    double at, weight;
};
constexpr std::array<Point, 6> point_table{{{0.1, 0.2}, {0.3, 0.2}, {0.5, 0.2}, {0.7, 0.2}, {0.85, 0.1}, {0.95, 0.1}}};

// The nearest rank; `sorted` is not empty.
Ticks quantile(std::span<const Ticks> sorted, double at) {
    const auto rank = static_cast<std::size_t>(std::ceil(at * static_cast<double>(sorted.size())));
    return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

void add_to(std::uint16_t& to, std::uint32_t n) {
    to = static_cast<std::uint16_t>(std::min<std::uint32_t>(to + n, UINT16_MAX));
}
void add_to(Variation& to, const Variation& more) {
    to.sum = more.sum > UINT32_MAX - to.sum ? UINT32_MAX : to.sum + more.sum;
    add_to(to.pairs, more.pairs);
}
Ticks mean(const Variation& v) { return v.pairs == 0 ? 0 : v.sum / v.pairs; }

double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}
std::optional<double> ratio_if_any(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return std::nullopt;
    return ratio(part, whole);
}

base::Duration to_duration(double ticks) { return from_ticks(std::llround(ticks)); }

// What several stretches of time come to.
struct Sum {
    std::uint64_t probes = 0, answers = 0, forward_sent = 0, forward_lost = 0, backward_sent = 0, backward_lost = 0;
    double round_trip = 0, forward = 0, backward = 0;  // sums of variations, in ticks
    std::uint64_t pairs = 0, one_way_pairs = 0;

    template <class Stretch>
    void add_counts(const Stretch& s) {
        probes += s.probes;
        answers += s.answers;
        forward_sent += s.forward_sent;
        forward_lost += s.forward_lost;
        backward_sent += s.backward_sent;
        backward_lost += s.backward_lost;
    }
    Figures figures() const {
        Figures out;
        out.probes = static_cast<std::uint32_t>(probes);
        out.answers = static_cast<std::uint32_t>(answers);
        out.forward_sent = static_cast<std::uint32_t>(forward_sent);
        out.loss = {ratio(probes - answers, probes), ratio_if_any(forward_lost, forward_sent),
                    ratio_if_any(backward_lost, backward_sent)};
        if (pairs > 0) out.jitter = to_duration(round_trip / static_cast<double>(pairs));
        if (one_way_pairs == 0) return out;
        out.jitter_forward = to_duration(forward / static_cast<double>(one_way_pairs));
        out.jitter_backward = to_duration(backward / static_cast<double>(one_way_pairs));
        return out;
    }
};

}  // namespace

Compact Compact::of(Ticks ticks) {
    Compact out;
    const unsigned width = static_cast<unsigned>(std::bit_width(ticks));
    const unsigned shift = width > mantissa_bits + 1 ? width - mantissa_bits - 1 : 0;
    // Rounded; a carry out of the mantissa is the next exponent's zero, so the bits add up as one number.
    const auto rounded = (std::uint64_t{ticks} + (shift > 0 ? std::uint64_t{1} << (shift - 1) : 0)) >> shift;
    out.bits_ = static_cast<std::uint16_t>((std::uint64_t{shift} << mantissa_bits) + rounded);
    return out;
}

// Shift 0 holds 0 … 4095 as they are; above, the highest bit of the mantissa is implied by the exponent's carry.
Ticks Compact::ticks() const {
    const unsigned bits = bits_;
    if (bits < 2U << mantissa_bits) return bits;
    const unsigned shift = (bits >> mantissa_bits) - 1;
    const auto value = std::uint64_t{bits - (shift << mantissa_bits)} << shift;
    return static_cast<Ticks>(std::min<std::uint64_t>(value, UINT32_MAX));
}

void Window::Counts::add(const Results& r) {
    add_to(probes, r.probes);
    add_to(answers, r.answers);
    add_to(forward_sent, r.forward_sent);
    add_to(forward_lost, r.forward_lost);
    add_to(backward_sent, r.backward_sent);
    add_to(backward_lost, r.backward_lost);
    add_to(round_trip, r.round_trip);
    add_to(forward, r.forward);
    add_to(backward, r.backward);
}

void Window::add(base::TimePoint at, const Results& results) {
    // What another method counted is lost and delayed by other rules.
    if (results.method != method_) *this = Window{at, results.method};
    advance(at);
    seconds_[static_cast<std::size_t>(second_) % seconds].counts.add(results);
    open_.add(results);
    for (const auto rtt : std::span{results.rtts}.first(results.answers)) keep(rtt);
}

void Window::keep(Ticks rtt) {
    rtts_[rtt_next_] = Compact::of(rtt);
    rtt_next_ = static_cast<std::uint16_t>((rtt_next_ + 1) % exact);
    if (rtt_count_ < exact) ++rtt_count_;
    if (open_rtts_ < exact) ++open_rtts_;
    ++seconds_[static_cast<std::size_t>(second_) % seconds].kept;
}

void Window::advance(base::TimePoint to) {
    const auto target = second_of(to);
    if (target - second_ > std::int64_t{seconds * (decades + 1)}) {
        const auto begun = begun_;
        *this = Window{to, method_};
        begun_ = begun;
    }
    while (second_ < target) enter(second_ + 1);
}

void Window::enter(std::int64_t second) {
    if (second / 10 != open_decade_) {
        decades_[decade_next_] = digest(open_, open_rtts_);
        decade_next_ = static_cast<std::uint16_t>((decade_next_ + 1) % decades);
        open_decade_ = second / 10;
        open_ = {};
        open_rtts_ = 0;
    }
    second_ = second;
    seconds_[static_cast<std::size_t>(second) % seconds] = {};  // it was ten seconds ago
    std::size_t kept = 0;
    for (const auto& s : seconds_) kept += s.kept;
    rtt_count_ = static_cast<std::uint16_t>(std::min<std::size_t>(kept, rtt_count_));
}

// The `newest` round trips in order of size; how many there were.
std::size_t Window::sorted(std::size_t newest, std::array<Ticks, exact>& out) const {
    const auto count = std::min<std::size_t>(newest, rtt_count_);
    for (std::size_t i = 0; i < count; ++i) out[i] = rtts_[(rtt_next_ + exact - 1 - i) % exact].ticks();
    std::sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
}

Window::Decade Window::digest(const Counts& c, std::size_t newest) const {
    Decade out{.probes = c.probes,
               .answers = c.answers,
               .forward_sent = c.forward_sent,
               .forward_lost = c.forward_lost,
               .backward_sent = c.backward_sent,
               .backward_lost = c.backward_lost,
               .pairs = c.round_trip.pairs,
               .one_way_pairs = c.forward.pairs,
               .round_trip = Compact::of(mean(c.round_trip)),
               .forward = Compact::of(mean(c.forward)),
               .backward = Compact::of(mean(c.backward)),
               .least = {}};
    std::array<Ticks, exact> all{};
    const auto rtts = std::span<const Ticks>{all}.first(sorted(newest, all));
    if (rtts.empty()) return out;
    out.least = Compact::of(rtts.front());
    for (std::size_t i = 0; i < points; ++i) out.quantiles[i] = Compact::of(quantile(rtts, point_table[i].at));
    return out;
}

Figures Window::recent() const {
    Sum sum;
    for (const auto& [counts, kept] : seconds_) {
        sum.add_counts(counts);
        sum.round_trip += counts.round_trip.sum;
        sum.forward += counts.forward.sum;
        sum.backward += counts.backward.sum;
        sum.pairs += counts.round_trip.pairs;
        sum.one_way_pairs += counts.forward.pairs;
    }
    auto out = sum.figures();
    std::array<Ticks, exact> all{};
    const auto rtts = std::span<const Ticks>{all}.first(sorted(exact, all));
    if (rtts.empty()) return out;
    out.rtt_min = from_ticks(rtts.front());
    out.rtt_median = from_ticks(quantile(rtts, 0.5));
    out.rtt_p95 = from_ticks(quantile(rtts, 0.95));
    return out;
}

// The quantiles of five minutes are those of the points that stand for each ten seconds.
Figures Window::lasting() const {
    struct Weighted {
        Ticks ticks = 0;
        double weight = 0;
    };
    Sum sum;
    std::array<Weighted, (decades + 1) * points> all{};
    std::size_t count = 0;
    double total = 0;
    Ticks least = UINT32_MAX;
    const auto take = [&](const Decade& decade) {
        sum.add_counts(decade);
        sum.round_trip += static_cast<double>(decade.round_trip.ticks()) * decade.pairs;
        sum.forward += static_cast<double>(decade.forward.ticks()) * decade.one_way_pairs;
        sum.backward += static_cast<double>(decade.backward.ticks()) * decade.one_way_pairs;
        sum.pairs += decade.pairs;
        sum.one_way_pairs += decade.one_way_pairs;
        if (decade.answers == 0) return;
        least = std::min(least, decade.least.ticks());
        total += decade.answers;
        for (std::size_t i = 0; i < points; ++i)
            all[count++] = {decade.quantiles[i].ticks(), point_table[i].weight * decade.answers};
    };
    for (const auto& decade : decades_) take(decade);
    take(digest(open_, open_rtts_));
    auto out = sum.figures();
    if (count == 0) return out;
    const auto points_of_all = std::span{all}.first(count);
    std::ranges::sort(points_of_all, {}, &Weighted::ticks);
    const auto at = [&](double share) {
        double seen = 0;
        for (const auto& [ticks, weight] : points_of_all)
            if ((seen += weight) >= share * total) return ticks;
        return points_of_all.back().ticks;
    };
    out.rtt_min = from_ticks(least);
    out.rtt_median = from_ticks(at(0.5));
    out.rtt_p95 = from_ticks(at(0.95));
    return out;
}

Quality Window::quality(base::TimePoint now) {
    advance(now);
    return {.method = method_,
            .recent = recent(),
            .lasting = lasting(),
            .measured = std::clamp<base::Duration>(now - begun_, base::Duration{0}, lasting_window)};
}

}  // namespace quality
