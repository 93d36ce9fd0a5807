// What WireGuard's counters tell around a Down.
#include "control/traffic.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;

namespace {
const base::TimePoint zero{1h};
}

TEST_CASE("the look that came with the Down is the first that began after it, and stays so") {
    control::Traffic traffic;
    traffic.on_look({zero, 10, 20});
    traffic.on_down(zero + 1s);
    traffic.on_look({zero + 1s, 11, 21});  // it began no later
    CHECK_FALSE(traffic.after);
    traffic.on_look({zero + 1s + 1ns, 12, 22});
    traffic.on_look({zero + 3s, 13, 23});
    CHECK(traffic.before->received == 10);
    CHECK(traffic.after->received == 12);
    CHECK(traffic.last->received == 13);
    traffic.on_up();
    CHECK_FALSE(traffic.down_at);
    CHECK_FALSE(traffic.after);
}

TEST_CASE("a peer that is put back is counted anew") {
    control::Traffic traffic;
    traffic.on_look({zero, 1'000, 2'000});
    traffic.on_down(zero + 1s);
    traffic.on_look({zero + 2s, 1'100, 2'100});
    traffic.on_look({zero + 3s, 0, 148});
    CHECK_FALSE(traffic.before);
    CHECK(traffic.after->at == zero + 3s);
    CHECK(traffic.after->sent == 148);
}

TEST_CASE("a handshake every five seconds and a keepalive are no data") {
    CHECK(control::idle_bytes(0s) == 272);
    CHECK(control::idle_bytes(5s - 1ns) == 272);
    CHECK(control::idle_bytes(5s) == 544);
}
