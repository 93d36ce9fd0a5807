// How `wgbfd bench` climbs, and how it words what it found. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace cli {

// What one number of sessions came to at one host, both ends together.
struct Step {
    std::size_t sessions = 0;
    std::chrono::microseconds interval{};
    std::size_t up = 0;         // of both ends, when the window began: 2 × sessions when all came up
    std::uint64_t downs = 0;    // in the window
    std::uint64_t packets = 0;  // sent and received
    std::uint64_t sends = 0;
    std::uint64_t lost = 0;  // by a full buffer, here or there
    std::chrono::duration<double> seconds{}, cpu{};
    double busiest = 0;  // of the two probe threads: its share of a processor
};

// Why these sessions are too many for this host; none when it holds them.
std::optional<std::string> objection(const Step& step);

// Doubles until a step fails, then halves the way between what held and what did not, to a tenth.
class Climb {
public:
    Climb(std::size_t first, std::size_t most) : next_{first}, most_{most} {}

    std::optional<std::size_t> next() const { return next_; }  // none: the answer is known
    void tell(std::size_t sessions, bool held);
    std::size_t held() const { return held_; }  // 0: none

private:
    std::optional<std::size_t> next_;
    std::size_t most_;
    std::size_t held_ = 0;
    std::optional<std::size_t> failed_;
};

std::string heading();
std::string line(const Step& step);
std::string interval_text(std::chrono::microseconds interval);  // "50 ms", "3.3 ms"

}  // namespace cli
