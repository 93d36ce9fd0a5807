// [process]: the priority and the CPU of the probe thread.
#include <array>
#include <string_view>

#include "config/tables.hpp"

namespace config {
namespace {

using namespace std::string_view_literals;

constexpr std::array process_keys{"priority"sv, "cpu"sv};
constexpr std::int64_t greatest_priority = 99;  // sched(7)
constexpr std::int64_t greatest_cpu = 1023;     // CPU_SETSIZE

}  // namespace

Process read_process(const Table& table, Report& report) {
    refuse_unknown(table, {"in [process]", process_keys}, report);
    Process out;
    if (const auto priority = integer_at(table, "priority", 0, greatest_priority, report))
        out.priority = static_cast<int>(*priority);
    if (const auto cpu = integer_at(table, "cpu", 0, greatest_cpu, report)) out.cpu = static_cast<unsigned>(*cpu);
    return out;
}

}  // namespace config
