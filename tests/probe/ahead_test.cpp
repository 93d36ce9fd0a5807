// Sends that are grouped: what is due within a millisecond goes out with what is due now.
#include <doctest/doctest.h>

#include <map>

#include "pair.hpp"

using namespace probe_test;

namespace {

constexpr std::uint32_t sessions = 400;
const bfd::Parameters fast{.desired_min_tx = bfd::Microseconds{50'000}, .required_min_rx = bfd::Microseconds{50'000}};

struct Gaps {
    base::Duration least = 1h, most{};
    std::size_t count = 0;
    base::Duration sum{};
};

Gaps gaps_of(const Side& side) {
    std::map<std::uint32_t, TimePoint> last;
    Gaps out;
    for (std::size_t i = 0; i < side.sent.size(); ++i) {
        if (side.sent[i].final) continue;  // follows no timer
        const auto [at, fresh] = last.emplace(side.sent[i].id.slot, side.sent_at[i]);
        if (fresh) continue;
        const auto gap = side.sent_at[i] - std::exchange(at->second, side.sent_at[i]);
        out.least = std::min(out.least, gap);
        out.most = std::max(out.most, gap);
        out.sum += gap;
        ++out.count;
    }
    return out;
}

struct Run {
    Gaps gaps;
    std::size_t turns = 0;
    std::uint64_t downs = 0;
};

Run run(base::Duration ahead, std::uint8_t multiplier = 3) {
    Pair pair;
    auto parameters = fast;
    parameters.detect_mult = multiplier;
    std::vector<probe::Slot*> slots;
    for (std::uint32_t n = 0; n < sessions; ++n) slots.push_back(pair.connect(n, 7, parameters).first);
    for (auto& side : pair.sides) side.ahead = ahead;
    pair.run_for(10s);  // all are Up, and have told their interval
    for (const auto* slot : slots) REQUIRE(slot->session.state() == bfd::State::up);
    pair.sides[0].keeps_sent = true;
    pair.sides[0].turns = 0;
    pair.run_for(5s);
    Run out{gaps_of(pair.sides[0]), pair.sides[0].turns, 0};
    for (const auto* slot : slots) out.downs += slot->counters.downs.value();
    return out;
}

}  // namespace

TEST_CASE("RFC 5880 §6.8.7: grouped sends stay between 75 and 100 % of the interval") {
    const auto grouped = run(1ms);
    CHECK(grouped.gaps.count > 5 * 400 * 20);
    CHECK(grouped.gaps.least >= 37'500us);
    CHECK(grouped.gaps.most <= 50ms);
    CHECK(grouped.downs == 0);
    // On the mean half a millisecond early: it costs a packet in a hundred.
    const auto apart = run(0ms);
    const auto mean = [](const Gaps& gaps) { return gaps.sum / static_cast<std::int64_t>(gaps.count); };
    CHECK(mean(grouped.gaps) < mean(apart.gaps));
    CHECK(mean(grouped.gaps) > mean(apart.gaps) * 97 / 100);
}

TEST_CASE("RFC 5880 §6.8.7: with a Detect Mult of 1 grouped sends stay between 75 and 90 %") {
    const auto grouped = run(1ms, 1);
    CHECK(grouped.gaps.least >= 37'500us);
    CHECK(grouped.gaps.most <= 45ms);
}

TEST_CASE("grouping sends saves turns") {
    const auto grouped = run(1ms), apart = run(0ms);
    CHECK(grouped.turns * 2 < apart.turns);
}

TEST_CASE("what is due goes out in its own time: grouping asks nothing of a session alone") {
    Pair pair;
    const auto [a, b] = pair.connect(1, 7, fast);
    pair.sides[0].ahead = 1ms;
    pair.run_for(5s);
    CHECK(a->session.state() == bfd::State::up);
    CHECK(a->counters.downs.value() == 0);
    CHECK(b->counters.downs.value() == 0);
}
