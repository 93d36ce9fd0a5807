// WireGuard's own configuration read, and the check of who may read what is secret.
#include <algorithm>
#include <charconv>
#include <sstream>

#include "cli/doctor_checks.hpp"

namespace cli {
namespace {

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return std::string{text.substr(first, text.find_last_not_of(" \t\r") - first + 1)};
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

// PostUp = wg set %i private-key /etc/wireguard/%i.key
void read_key_files(const std::string& value, WireguardFile& out) {
    std::istringstream words{value};
    for (std::string word; words >> word;) {
        if (word != "private-key" && word != "preshared-key") continue;
        if (!(words >> word) || !word.starts_with('/') || word.starts_with("/dev/")) continue;
        std::erase_if(word, [](char c) { return c == ';' || c == '"' || c == '\''; });
        for (auto at = word.find("%i"); at != std::string::npos; at = word.find("%i"))
            word.replace(at, 2, out.interface);
        out.key_files.push_back(word);
    }
}

void read_peer_line(const std::string& key, const std::string& value, ConfiguredPeer& peer) {
    if (key == "publickey") peer.key = adjacency::PublicKey::from_base64(value);
    if (key == "endpoint") peer.endpoint = value;
    if (key != "allowedips") return;
    std::istringstream list{value};
    for (std::string one; std::getline(list, one, ',');)
        if (const auto prefix = base::Prefix::parse(trimmed(one))) peer.allowed_ips.push_back(*prefix);
}

}  // namespace

WireguardFile parse_wireguard_file(const std::string& path, const std::string& text) {
    WireguardFile out{.path = path, .interface = path.substr(path.rfind('/') + 1), .peers = {}, .key_files = {}};
    if (out.interface.ends_with(".conf")) out.interface.resize(out.interface.size() - 5);
    std::istringstream lines{text};
    bool in_peer = false;
    int number = 0;
    for (std::string raw; std::getline(lines, raw);) {
        ++number;
        const auto line = trimmed(raw.substr(0, raw.find('#')));
        if (line.starts_with('[')) {
            in_peer = lower(line) == "[peer]";
            if (in_peer) out.peers.push_back({{}, {}, "", number});
            continue;
        }
        const auto equals = line.find('=');
        if (equals == std::string::npos) continue;
        const auto key = lower(trimmed(line.substr(0, equals)));
        const auto value = trimmed(line.substr(equals + 1));
        if (in_peer)
            read_peer_line(key, value, out.peers.back());
        else
            read_key_files(value, out);
    }
    return out;
}

Findings check_files(const NetworkFacts& facts) {
    Findings out;
    for (const auto& file : facts.secrets) {
        if (file.readable && file.holds_key)
            out.push_back({"files", Severity::warning, file.path, "holds a key, and anybody on this host may read it",
                           "chmod o= " + file.path + ", and give the tunnel a new key if others were here"});
        if (file.writable)
            out.push_back(
                {"files", Severity::warning, file.path, "anybody on this host may change it", "chmod o= " + file.path});
    }
    if (out.empty()) out.push_back({"files", Severity::ok, "", "no key and no configuration is open to everybody", ""});
    return out;
}

}  // namespace cli
