#include "view/events.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "view/failover.hpp"
#include "view/json_values.hpp"
#include "view/text.hpp"

namespace view {

namespace {

std::string string_of(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

// A value of the log: bare when it is one plain word, else quoted, so that no name can forge a key or a line.
std::string value(std::string_view text) {
    const auto plain = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte > 0x20 && byte < 0x7f && c != '"' && c != '=' && c != '\\';
    };
    if (!text.empty() && std::ranges::all_of(text, plain)) return std::string{text};
    std::string out = "\"";
    for (const char c : clean(text)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
            continue;
        }
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out += '"';
}

void add(std::string& line, std::string_view key, const std::string& text) {
    if (!text.empty()) line.append(" ").append(key).append("=").append(value(text));
}

}  // namespace

nlohmann::json event(const control::Record& record) {
    nlohmann::json out{{"at", base::to_iso8601(record.at)}, {"adjacency", or_null(record.adjacency)},
                       {"event", clean(record.event)},      {"from", or_null(record.from)},
                       {"to", or_null(record.to)},          {"cause", or_null(record.cause)}};
    if (record.failover) out["failover"] = failover(*record.failover);
    return out;
}

std::string event_text(const nlohmann::json& event) {
    const auto from = string_of(event, "from");
    const auto to = string_of(event, "to");
    const auto cause = string_of(event, "cause");
    const auto adjacency = string_of(event, "adjacency");
    auto out = fmt::format("{}  {}  {}", string_of(event, "at"), adjacency.empty() ? "-" : adjacency,
                           string_of(event, "event"));
    if (!from.empty() && !to.empty())
        out += fmt::format("  {} -> {}", from, to);
    else if (!from.empty() || !to.empty())
        out.append("  ").append(from.empty() ? to : from);
    if (!cause.empty()) out += fmt::format("  ({})", cause);
    if (const auto found = event.find("failover"); found != event.end()) out.append("  ").append(failover_text(*found));
    return printable(out);
}

std::string log_line(const control::Record& record) {
    auto line = value(record.event);
    add(line, "adjacency", record.adjacency);
    add(line, "from", record.from);
    add(line, "to", record.to);
    add(line, "cause", record.cause);
    if (!record.detail.empty()) line.append(" ").append(printable(record.detail));  // is key=value already
    if (record.failover) line.append(" ").append(failover_keys(*record.failover));
    return line;
}

}  // namespace view
