// `status` for a person: a table of all adjacencies, or everything about one.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "view/failover.hpp"
#include "view/status.hpp"
#include "view/text.hpp"

namespace view {

namespace {

using nlohmann::json;

constexpr std::size_t columns = 10;
using Line = std::array<std::string, columns>;

std::string plain(const json& value) {
    if (value.is_null()) return "-";
    if (value.is_string()) return printable(value.get_ref<const std::string&>());
    if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string at(const json& object, const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() ? plain(*found) : "-";
}

// "50ms", "3.3ms", "1s", "500us": the unit that keeps it short and whole.
std::string duration(const json& micros) {
    if (!micros.is_number_integer()) return "-";
    const auto n = micros.get<std::int64_t>();
    if (n == 0) return "-";
    if (n < 1'000) return fmt::format("{}us", n);
    if (n < 1'000'000) return fmt::format("{:g}ms", static_cast<double>(n) / 1e3);
    return fmt::format("{:g}s", static_cast<double>(n) / 1e6);
}

std::string duration_at(const json& object, const char* key) {
    return object.is_object() && object.contains(key) ? duration(object[key]) : "-";
}

// Seconds are enough in a table: "2026-01-01T00:00:00Z".
std::string to_seconds(const std::string& iso) {
    const auto point = iso.find('.');
    return point == std::string::npos ? iso : iso.substr(0, point) + "Z";
}

Line line_of(const json& row) {
    const auto& bfd = row.at("bfd");
    const auto icmp = row.value("icmp", json());
    const auto rates = icmp.is_object() ? duration_at(icmp, "interval_us")
                       : bfd.is_null()  ? "-"
                                        : duration_at(bfd, "tx_interval_us") + "/" + duration_at(bfd, "rx_interval_us");
    const auto& session = icmp.is_object() ? icmp : bfd;
    return {at(row, "name"),
            at(row, "state"),
            at(row, "cause"),
            at(row, "interface"),
            at(row, "local"),
            at(row, "remote"),
            icmp.is_object() ? "ICMP " + at(icmp, "state") : at(bfd, "state"),
            rates,
            duration_at(session, "detection_time_us"),
            to_seconds(at(row, "since"))};
}

std::string table_of(const json& rows) {
    std::vector<Line> lines{
        {"NAME", "STATE", "CAUSE", "INTERFACE", "LOCAL", "REMOTE", "BFD", "TX/RX", "DETECT", "SINCE"}};
    for (const auto& row : rows) lines.push_back(line_of(row));
    std::array<std::size_t, columns> widths{};
    for (const auto& line : lines)
        for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], width(line[i]));
    std::string out;
    for (const auto& line : lines) {
        for (std::size_t i = 0; i + 1 < columns; ++i) out.append(line[i]).append(widths[i] + 2 - width(line[i]), ' ');
        out.append(line.back()).append("\n");
    }
    return out;
}

std::string problems_of(const json& status) {
    std::string out;
    for (const auto& problem : status.at("problems")) out += fmt::format("problem: {}\n", plain(problem));
    for (const auto& [name, feed] : status.at("feeds").items()) {
        const bool well = feed.value("healthy", true) && feed.value("connected", true);
        const auto problem = at(feed, "problem");
        if (well && problem == "-") continue;
        out += fmt::format("problem: {}: {}\n", printable(name), problem == "-" ? "not connected" : problem);
    }
    return out;
}

void add(std::string& out, std::string_view key, const std::string& value) {
    out += fmt::format("{}: {}\n", key, value);
}

void add_bfd(std::string& out, const std::string& prefix, const json& bfd) {
    for (const auto* key :
         {"state", "remote_state", "diagnostic", "remote_diagnostic", "local_discriminator", "remote_discriminator"})
        add(out, prefix + key, at(bfd, key));
    add(out, prefix + "tx_interval", duration_at(bfd, "tx_interval_us"));
    add(out, prefix + "rx_interval", duration_at(bfd, "rx_interval_us"));
    add(out, prefix + "detection_time", duration_at(bfd, "detection_time_us"));
    for (const auto* key :
         {"packets_sent", "packets_received", "send_failures", "refused", "extended", "vouched", "ups", "downs"})
        add(out, prefix + key, at(bfd, key));
}

void add_icmp(std::string& out, const json& icmp) {
    add(out, "icmp.state", at(icmp, "state"));
    add(out, "icmp.interval", duration_at(icmp, "interval_us"));
    add(out, "icmp.detection_time", duration_at(icmp, "detection_time_us"));
    for (const auto* key : {"echoes_sent", "answers", "ups", "downs"})
        add(out, fmt::format("icmp.{}", key), at(icmp, key));
}

std::string percent_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || !found->is_number() ? "-" : fmt::format("{:.2f}%", found->get<double>() * 100);
}

// "0us" is a figure here, not the lack of one.
std::string figure_at(const json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_integer()) return "-";
    return *found == 0 ? "0us" : duration(*found);
}

void add_figures(std::string& out, const std::string& prefix, const json& figures) {
    for (const auto* key : {"min", "median", "p95"})
        add(out, prefix + "rtt_" + key, figure_at(figures.at("rtt_us"), key));
    add(out, prefix + "jitter", figure_at(figures, "jitter_us"));
    for (const auto* key : {"round_trip", "forward", "backward"})
        add(out, prefix + "loss_" + key, percent_at(figures.at("loss"), key));
}

void add_quality(std::string& out, const json& quality) {
    if (!quality.is_object()) return add(out, "quality", "not measured");
    add(out, "quality.method", at(quality, "method"));
    add_figures(out, "quality.", quality);
    if (quality.contains("lasting")) add_figures(out, "quality.lasting.", quality.at("lasting"));
}

std::string joined(const json& words) {
    std::string out;
    for (const auto& word : words) out.append(out.empty() ? "" : ", ").append(plain(word));
    return out.empty() ? "-" : out;
}

std::string all_of(const json& row) {
    std::string out;
    for (const auto* key : {"name", "state", "cause", "since", "cost", "base_cost", "group", "interface", "peer",
                            "local", "remote", "address_source", "unresolved", "configured"})
        add(out, key, at(row, key));
    add(out, "asked_by", joined(row.at("asked_by")));
    if (const auto icmp = row.value("icmp", json()); icmp.is_object())
        add_icmp(out, icmp);
    else if (row.at("bfd").is_null())
        add(out, "bfd", "no session");
    else
        add_bfd(out, "bfd.", row.at("bfd"));
    add_quality(out, row.value("quality", json()));
    if (const auto sizes = row.value("path_mtu", json()); sizes.is_object())
        for (const auto* key : {"asked", "fit", "largest", "fix"})
            add(out, fmt::format("path_mtu.{}", key), at(sizes, key));
    if (const auto far_end = row.value("far_end", json()); far_end.is_object())
        add(out, "far_end.rp_filter", at(far_end, "rp_filter"));
    if (row.at("wireguard").is_null()) add(out, "wireguard", "-");
    if (row.at("wireguard").is_object())
        for (const auto* key : {"endpoint", "latest_handshake", "rx_bytes", "tx_bytes"})
            add(out, fmt::format("wireguard.{}", key), at(row.at("wireguard"), key));
    std::size_t n = 0;
    for (const auto& session : row.at("sessions")) {
        const auto prefix = fmt::format("session.{}.", ++n);
        for (const auto* key : {"local", "remote", "multihop"}) add(out, prefix + key, at(session, key));
        add(out, prefix + "asked_by", joined(session.at("asked_by")));
        add_bfd(out, prefix, session);
    }
    add(out, "prefixes", at(row, "prefixes"));
    if (const auto last = row.find("failover"); last != row.end() && last->is_object())
        add(out, "failover", at(*last, "at") + " " + at(*last, "verdict") + ": " + failover_text(*last));
    for (const auto& [feed, told] : row.at("feeds").items())
        add(out, "feed." + printable(feed), at(told, "told") + " since " + at(told, "at"));
    return out;
}

}  // namespace

std::string status_text(const json& status, const std::optional<std::string>& name) {
    const auto& rows = status.at("adjacencies");
    if (!name) return (rows.empty() ? "no adjacencies\n" : table_of(rows)) + problems_of(status);
    std::string out;
    for (const auto& row : rows)
        if (row.at("name") == *name) out.append(out.empty() ? "" : "\n").append(all_of(row));
    if (!out.empty()) return out;
    return fmt::format("no adjacency is named {}: `wgbfd status` lists them all\n", printable(*name));
}

}  // namespace view
