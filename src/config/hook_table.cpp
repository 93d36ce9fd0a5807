// [hook], and the key `hook` of an [[adjacency]]: what the feed `hook` runs.
#include <algorithm>
#include <array>
#include <string_view>

#include "config/feeders.hpp"
#include "config/tables.hpp"

namespace config {
namespace {

using namespace std::string_view_literals;

constexpr std::array hook_keys{"command"sv, "timeout"sv, "at_most"sv};
constexpr std::string_view feed = "hook";

bool is_fit(std::string_view word) { return word.find('\0') == std::string_view::npos; }

// "/a/program", or ["/a/program", "its", "arguments"]; empty when absent or wrong.
std::vector<std::string> command_at(const Table& table, std::string_view key, Report& report) {
    const auto* entry = find(table, key);
    if (entry == nullptr) return {};
    std::vector<std::string> out;
    if (const auto* text = std::get_if<std::string>(&entry->node.value)) {
        out.push_back(*text);
    } else if (const auto* array = std::get_if<Array>(&entry->node.value)) {
        for (const auto& node : *array)
            if (const auto* word = std::get_if<std::string>(&node.value)) out.push_back(*word);
        if (out.size() != array->size()) out.clear();
    }
    constexpr std::size_t longest = 4096;  // bytes, all of it
    std::size_t size = 0;
    for (const auto& word : out) size += word.size();
    if (!out.empty() && out[0].starts_with('/') && size <= longest && std::ranges::all_of(out, is_fit)) return out;
    report.add(entry->node.place,
               std::string{key} +
                   " must be a program by its whole path, with its arguments: write "
                   "[\"/usr/local/bin/hook\", \"...\"], or [\"/bin/sh\", \"-c\", \"...\"] for a shell");
    return {};
}

}  // namespace

Hook read_hook(const Table& table, Report& report) {
    refuse_unknown(table, {"in [hook]", hook_keys}, report);
    Hook out;
    out.command = command_at(table, "command", report);
    constexpr DurationLimits limits{std::chrono::milliseconds{100}, std::chrono::minutes{10}, "100ms..600s"};
    if (const auto timeout = duration_at(table, "timeout", limits, report)) out.timeout = *timeout;
    if (const auto most = integer_at(table, "at_most", 1, 32, report)) out.at_most = static_cast<std::uint32_t>(*most);
    return out;
}

void overlay_hook(const Table& table, const Config& defaults, Adjacency& out, Report& report) {
    const auto own = command_at(table, feed, report);
    out.hook = own.empty() ? defaults.hook.command : own;
}

void check_hook_feeds(const Table& root, const Config& config, Report& report) {
    const bool everywhere = !config.hook.command.empty();
    for_each_feeder(root, [&](const Table& table, bool is_adjacency) {
        const auto place = place_of_feed(table, feed);
        const bool own = is_adjacency && find(table, feed) != nullptr;
        if (place && !everywhere && !own)
            report.add(*place, "the feed \"hook\" needs a command: add command = [\"/a/program\"] in [hook]" +
                                   std::string{is_adjacency ? ", or hook = [\"/a/program\"] here" : ""});
        if (!own || place) return;
        if (has_interface_feed(table, config, feed)) return;
        report.add(find(table, feed)->place,
                   "hook says nothing without its feed: add feeds = [\"hook\"], or remove it");
    });
}

}  // namespace config
