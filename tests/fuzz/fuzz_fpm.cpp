// zebra's FPM stream, whole and cut anywhere, down to the counting of prefixes: what comes out must not depend on how
// it was cut, every prefix must ride where its routes say, and a failover must account for each one that left.
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "control/convergence.hpp"
#include "frr/fpm_codec.hpp"
#include "io/netlink_message.hpp"
#include "kernel/route_message.hpp"

namespace {

using adjacency::AdjacencyId;
using control::Convergence;

std::optional<AdjacencyId> locate(const adjacency::Hop& hop) {
    if (hop.out.value % 4 == 0) return std::nullopt;
    return AdjacencyId{hop.out.value % 4};
}

base::Now at(std::int64_t ms) {
    const std::chrono::milliseconds since{ms};
    return {base::TimePoint{since}, base::WallTime{since}};
}

void check(const Convergence& all) {
    std::size_t most = 0;
    for (const auto& [id, count] : all.counts()) most = std::max(most, count);
    if (most > all.routes()) __builtin_trap();
}

void check(const control::Failover& failover) {
    if (failover.first.has_value() != failover.last.has_value()) __builtin_trap();
    if (failover.first && *failover.first > *failover.last) __builtin_trap();
}

// Tells all of `body`; the odd message is followed by something that happens meanwhile.
void tell(Convergence& all, base::Bytes body, std::int64_t& now, int& tellings) {
    adjacency::RouteChange change;
    while (const auto message = io::next_message(body)) {
        if (!kernel::decode_route_change(*message, change)) continue;
        if (change.prefix.length > change.prefix.address.bits()) __builtin_trap();
        all.change(at(++now).steady, change);
        switch (message->sequence % 8) {
            case 0:
                all.on_verdict(at(now), {1}, {policy::VerdictState::up, {}, 10}, {policy::VerdictState::down, {}, 10});
                break;
            case 1:
                all.on_verdict(at(now), {1}, {policy::VerdictState::down, {}, 10}, {policy::VerdictState::up, {}, 10});
                break;
            case 2:  // 255 tellings that are cut short one after the other are one too many for the entries' number
                if (++tellings < 200) all.begin(control::RouteSource::fpm, true);
                break;
            case 3: all.end(); break;
            case 4: all.relocate(); break;
            default: break;
        }
        if (all.wants_sweep()) all.sweep(at(now).steady);
        for (const auto& closed : all.close(at(now).steady)) check(closed.failover);
    }
    all.settle(at(now).steady);
    check(all);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Convergence all{1, locate};
    all.begin(control::RouteSource::fpm, false);
    std::int64_t now = 0;
    int tellings = 0;
    for (auto left = std::as_bytes(std::span{data, size}); !left.empty();) {
        const auto next = frr::next_fpm_frame(left);
        if (!next || !*next) break;
        const auto length = frr::fpm_header_length + (*next)->size();
        if (length > left.size()) __builtin_trap();
        const auto cut = frr::next_fpm_frame(left.first(length - 1));
        if (!cut || *cut) __builtin_trap();
        tell(all, **next, now, tellings);
        left = left.subspan(length);
    }
    // Told nothing again, all of it goes, and nothing of it stays behind.
    all.begin(control::RouteSource::none, false);
    all.end();
    while (all.wants_sweep()) all.sweep(at(now).steady);
    for (const auto& closed : all.close(at(now + 10'000).steady)) check(closed.failover);
    while (all.wants_sweep()) all.sweep(at(now).steady);
    if (all.routes() != 0) __builtin_trap();
    for (const auto& [id, count] : all.counts())
        if (count != 0) __builtin_trap();
    return 0;
}
