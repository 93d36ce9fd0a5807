// What others are told changes by minutes of evidence, and never by noise.
#include "policy/advertised.hpp"

#include <doctest/doctest.h>

#include "measured.hpp"

using namespace std::chrono_literals;
using policy::Advertised;

namespace {

struct Judged {
    // Once a second.
    void tell(base::Duration rtt, double loss = 0, int seconds = 1, std::uint32_t share = 0) {
        for (int i = 0; i < seconds; ++i) {
            now += 1s;
            quality::Figures figures;
            figures.probes = 3'000;
            figures.answers = 2'900;
            figures.rtt_min = figures.rtt_median = rtt;
            figures.loss.round_trip = loss;
            if (counted) figures.loss.forward = loss;
            figures.forward_sent = counted;
            policy::Windows windows;
            windows.recent = windows.lasting = &figures;
            windows.recent_full = true;
            windows.lasting_full = full;
            windows.loss_counts = stamp;
            changes += advertised.on_quality(now, windows, share) ? 1 : 0;
        }
    }
    const policy::Classes& classes() const { return advertised.classes(); }
    Advertised advertised;
    base::TimePoint now{1h};
    int changes = 0;
    bool full = true, stamp = true;
    std::uint32_t counted = 0;  // by the peer, of the way out
};

}  // namespace

TEST_CASE("dn42's classes: an edge belongs to the class below it") {
    CHECK(policy::latency_class(0ms) == 1);
    CHECK(policy::latency_class(2'718us) == 1);
    CHECK(policy::latency_class(2'719us) == 2);
    CHECK(policy::latency_class(7'389us) == 2);
    CHECK(policy::latency_class(7'390us) == 3);
    CHECK(policy::latency_class(20ms) == 3);
    CHECK(policy::latency_class(55ms) == 5);
    CHECK(policy::latency_class(148ms) == 5);
    CHECK(policy::latency_class(403ms) == 6);
    CHECK(policy::latency_class(1'097ms) == 8);
    CHECK(policy::latency_class(2'980ms) == 8);
    CHECK(policy::latency_class(2'981ms) == 9);
    CHECK(policy::latency_class(1h) == 9);
    CHECK(policy::loss_class(0) == 91);
    CHECK(policy::loss_class(0.001) == 91);
    CHECK(policy::loss_class(0.0011) == 92);
    CHECK(policy::loss_class(0.01) == 92);
    CHECK(policy::loss_class(0.0101) == 93);
    CHECK(policy::loss_class(0.05) == 93);
    CHECK(policy::loss_class(0.0501) == 94);
    CHECK(policy::loss_class(1) == 94);
}

TEST_CASE("nothing is known before the window is full, then all at once") {
    Judged path;
    path.full = false;
    path.tell(10ms, 0, 290, 4);
    CHECK(path.classes() == policy::Classes{});
    path.full = true;
    path.tell(10ms, 0, 1, 4);
    CHECK(path.classes() == policy::Classes{.latency = 3, .loss = 91, .med_share = 4});
    CHECK(path.changes == 1);
}

TEST_CASE("an edge is crossed by a tenth, and for five minutes on end") {
    Judged path;
    path.tell(18ms);
    REQUIRE(path.classes().latency == 3);
    path.tell(22'000us, 0, 3'600);  // beyond 20.09 ms, but not by a tenth
    CHECK(path.classes().latency == 3);
    path.tell(22'200us, 0, 300);
    CHECK(path.classes().latency == 3);
    SUBCASE("one second more") {
        path.tell(22'200us);
        CHECK(path.classes().latency == 4);
        path.tell(18'100us, 0, 3'600);  // and back by a tenth below it
        CHECK(path.classes().latency == 4);
        path.tell(18'000us, 0, 301);
        CHECK(path.classes().latency == 3);
    }
    SUBCASE("one second's break, and it begins anew") {
        path.tell(20ms);
        path.tell(22'200us, 0, 300);
        CHECK(path.classes().latency == 3);
    }
    SUBCASE("what has gone on meanwhile is the class it gets") {
        path.tell(500ms);
        CHECK(path.classes().latency == 7);
    }
}

TEST_CASE("loss likewise, and beyond chance") {
    Judged path;
    path.tell(10ms, 0.005);
    REQUIRE(path.classes().loss == 92);
    path.tell(10ms, 0.0130, 3'600);  // 39 of 3,000 at 1 %: e^-1.3 by chance
    CHECK(path.classes().loss == 92);
    path.tell(10ms, 0.0150, 301);
    CHECK(path.classes().loss == 93);
    path.tell(10ms, 0.0080, 3'600);
    CHECK(path.classes().loss == 93);
    path.tell(10ms, 0.0050, 301);
    CHECK(path.classes().loss == 92);
    path.tell(10ms, 0, 301);
    CHECK(path.classes().loss == 91);
    path.tell(10ms, 0.2, 301);
    CHECK(path.classes().loss == 94);
    path.stamp = false;  // echo says nothing of loss, and what was known stands
    path.tell(10ms, 0, 3'600);
    CHECK(path.classes().loss == 94);
}

TEST_CASE("of the way out only the probes that the peer counted are evidence") {
    Judged path;
    path.counted = 19;
    path.tell(10ms, 0.2);
    CHECK(path.classes().loss == 0);
    path.counted = 3'000;
    path.tell(10ms, 0.005);
    REQUIRE(path.classes().loss == 92);
    path.counted = 40;
    path.tell(10ms, 0.05, 3'600);  // two of 40 at 1 %: e^-1.7 by chance
    CHECK(path.classes().loss == 92);
    path.counted = 3'000;
    path.tell(10ms, 0.05, 301);
    CHECK(path.classes().loss == 93);
}

TEST_CASE("the MED's share follows by a quarter, and as patiently") {
    Judged path;
    path.tell(10ms, 0, 1, 10);
    REQUIRE(path.classes().med_share == 10);
    path.tell(10ms, 0, 3'600, 12);
    CHECK(path.classes().med_share == 10);
    path.tell(10ms, 0, 300, 300);  // a brownout of five minutes
    path.tell(10ms, 0, 60, 10);
    CHECK(path.classes().med_share == 10);
    path.tell(10ms, 0, 301, 14);
    CHECK(path.classes().med_share == 14);
}

TEST_CASE("noise around an edge changes a class seldom, and half an edge never, over 200 hours each") {
    const auto changed_in_an_hour = [](std::uint64_t seed, double loss) {
        measured::Source source{seed};
        Advertised advertised;
        int changes = -1;  // the first time it is known
        for (int second = 0; second < 3'900; ++second) {
            const auto& quality = source.second(loss);
            changes += advertised.on_quality(source.now(), policy::windows_of(quality, 24h), 0) ? 1 : 0;
        }
        return changes;
    };
    int at_edge = 0, at_half = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed)
        for (const double edge : {0.01, 0.05}) {
            at_edge += changed_in_an_hour(seed, edge);
            at_half += changed_in_an_hour(seed, edge / 2);
        }
    CHECK(at_edge <= 10);
    CHECK(at_half == 0);
    MESSAGE("of 200 hours at an edge ", at_edge, " changed a class");
}
