// Cost from measurements: the shares, and that noise does not move them.
#include <doctest/doctest.h>

#include "policy/cost.hpp"
#include "policy/measured.hpp"

using namespace measured;
using policy::Cost;

namespace {

struct Judged {
    bool tell(const quality::Quality& quality, base::Duration after = 1s) {
        elapsed += after;
        return cost.on_quality(at(elapsed), policy::windows_of(quality, 24h));
    }
    bool tell_rtt(base::Duration rtt, base::Duration after = 300s) {
        return tell(full(figures(100, 0, rtt), figures(3'000, 0, rtt)), after);
    }
    bool tell_loss(std::uint32_t lasting, base::Duration after = 1s) {
        return tell(full(figures(100, lasting / 30, 1ms), figures(3'000, lasting, 1ms)), after);
    }
    Cost cost;
    base::Duration elapsed{};
};

}  // namespace

TEST_CASE("nothing measured: the base alone") {
    CHECK(Cost{}.total(10) == 10);
    CHECK(Cost{}.total(25) == 25);
}

TEST_CASE("a cost of 1 for each 10 ms, 200 at most") {
    for (const auto& [rtt, share] :
         {std::pair{1ms, 0U}, {4ms, 0U}, {5ms, 1U}, {80ms, 8U}, {250ms, 25U}, {9'000ms, 200U}}) {
        Judged path;
        path.tell_rtt(rtt);
        CHECK(path.cost.rtt_share() == share);
        CHECK(path.cost.total(10) == 10 + share);
    }
}

TEST_CASE("the round trip must stray by more than 20 ms, and more than a quarter") {
    Judged path;
    CHECK(path.tell_rtt(40ms));
    CHECK(!path.tell_rtt(60ms));
    CHECK(path.tell_rtt(60ms + 1us));
    CHECK(path.cost.rtt_share() == 6);
    CHECK(path.tell_rtt(200ms));
    CHECK(!path.tell_rtt(250ms));
    CHECK(!path.tell_rtt(150ms));
    CHECK(path.tell_rtt(150ms - 1us));
    CHECK(path.cost.rtt_share() == 15);
}

TEST_CASE("the round trip counts anew at most once in 5 min") {
    Judged path;
    CHECK(path.tell_rtt(40ms));
    CHECK(!path.tell_rtt(100ms, 300s - 1ns));
    CHECK(path.tell_rtt(100ms, 1ns));
    CHECK(path.cost.rtt_share() == 10);
}

TEST_CASE("a queue that comes and goes with the traffic is no part of it: the least round trip counts") {
    Judged path;
    auto quality = full(figures(100, 0, 20ms), figures(3'000, 0, 20ms));
    path.tell(quality, 300s);
    for (auto* figures : {&quality.recent, &quality.lasting}) figures->rtt_median = figures->rtt_p95 = 200ms;
    CHECK(!path.tell(quality, 300s));
    CHECK(path.cost.rtt_share() == 2);
}

TEST_CASE("loss of ICMP echo is no evidence: routers answer as many as they like") {
    Judged path;
    auto quality = full(figures(100, 50), figures(3'000, 1'500));
    quality.method = quality::Method::icmp;
    path.tell(quality);
    CHECK(path.cost.loss_share() == 0);
    path.tell_loss(300);
    REQUIRE(path.cost.loss_share() == 100);
    CHECK(!path.tell(quality, 299s));  // what STAMP had found stands for 5 min
    CHECK(path.tell(quality, 1s));
    CHECK(path.cost.loss_share() == 0);
}

TEST_CASE("it waits for 10 s of measurement, and for twenty answers") {
    Judged path;
    auto quality = full(figures(100, 0, 80ms), figures(100, 0, 80ms));
    quality.measured = 10s - 1ns;
    CHECK(!path.tell(quality));
    quality.measured = 10s;
    quality.lasting.answers = 19;
    CHECK(!path.tell(quality));
    quality.lasting.answers = 20;
    CHECK(path.tell(quality));
    CHECK(path.cost.rtt_share() == 8);
}

TEST_CASE("a cost of 1 for each 0.1 % of loss that is no chance") {
    Judged path;
    path.tell_loss(0);
    CHECK(!path.tell_loss(24));  // 0.8 %
    CHECK(path.tell_loss(25));
    CHECK(path.cost.loss_share() == 8);
    CHECK(!path.tell_loss(50));  // 1.7 %
    CHECK(path.tell_loss(66));
    CHECK(path.cost.loss_share() == 22);
    CHECK(!path.tell_loss(110));
    CHECK(path.tell_loss(180));
    CHECK(path.cost.loss_share() == 60);
}

TEST_CASE("a loss that is plain in 10 s counts at once") {
    Judged path;
    CHECK(path.tell(full(figures(100, 30), figures(3'000, 30))));
    CHECK(path.cost.loss_share() == 300);
}

TEST_CASE("it falls below half, after 5 min, and for a full window") {
    Judged path;
    path.tell_loss(60);
    CHECK(!path.tell_loss(30, 300s));
    CHECK(path.tell_loss(29));
    CHECK(path.cost.loss_share() == 10);
    CHECK(!path.tell_loss(0, 299s));
    auto short_one = full(figures(100, 0, 1ms), figures(3'000, 0, 1ms));
    short_one.measured = 300s - 1ns;
    CHECK(!path.tell(short_one));
    CHECK(path.tell_loss(0));
    CHECK(path.cost.loss_share() == 0);
}

TEST_CASE("the way out counts alone where it is known") {
    Judged path;
    path.tell_loss(0);
    const auto recent = counted(figures(100, 30, 1ms), 100, 0), lasting = counted(figures(3'000, 900, 1ms), 3'000, 0);
    CHECK(!path.tell(full(recent, lasting)));  // all is lost on the way back: nothing that we can steer
    CHECK(path.cost.loss_share() == 0);
}

TEST_CASE("of the way out only the probes that the peer counted are evidence") {
    Judged path;
    path.tell_loss(0);
    const auto all = figures(3'000, 0, 1ms);
    const auto tell = [&](std::uint32_t sent, std::uint32_t lost) {
        return path.tell(full(counted(figures(100, 0, 1ms), sent, lost), counted(all, sent, lost)));
    };
    CHECK(!tell(3, 1));
    CHECK(!tell(19, 19));
    CHECK(!tell(20, 1));  // 5 % may be chance
    CHECK(path.cost.loss_share() == 0);
    CHECK(tell(3'000, 150));
    CHECK(path.cost.loss_share() == 50);
    path.elapsed += 301s;
    CHECK(!tell(19, 0));
    CHECK(tell(20, 0));
    CHECK(path.cost.loss_share() == 0);
}

TEST_CASE("stationary noise: after the first quarter of an hour two changes at most in the next, over 300 seeds") {
    int changes = 0, most = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        Source source{seed};
        std::mt19937 random{static_cast<std::uint32_t>(seed)};
        const auto loss = 0.0005 * static_cast<double>(seed % 60);
        const auto rtt = 1ms * (5 + 3 * (seed % 97));
        Cost cost;
        int here = 0;
        for (int second = 0; second < 4'500; ++second) {
            const auto wander = rtt * (90 + static_cast<int>(random() % 21)) / 100;  // ± 10 %
            const auto& quality = source.second(loss, wander);
            const bool changed = cost.on_quality(source.now(), policy::windows_of(quality, 24h));
            here += second >= 900 && changed ? 1 : 0;
        }
        changes += here;
        most = std::max(most, here);
    }
    CHECK(most <= 2);
    CHECK(changes <= 75);
    MESSAGE("300 hours: ", changes, " changes, ", most, " at most in one");
}
