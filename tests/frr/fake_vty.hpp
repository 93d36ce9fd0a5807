// FRR daemons that do what a test tells them, behind a real vty socket: the real ones are in tests/lab/test_frr_vty.py.
#pragma once

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "fake_bfdd.hpp"

namespace test {

using namespace std::string_literals;

// A daemon's vty socket that answers what a test wants; `enable` is answered by itself.
struct VtyDaemon {
    explicit VtyDaemon(const std::filesystem::path& path) : listener{path} {}

    void turn() {
        if (auto fd = listener.accept()) {
            connection = std::move(fd);
            ++connections;
            received.clear();
        }
        if (!connection) return;
        std::array<char, 4096> chunk;
        const auto n = ::recv(connection.get(), chunk.data(), chunk.size(), 0);
        if (n > 0) received.append(chunk.data(), static_cast<std::size_t>(n));
        for (auto end = received.find('\0'); end != std::string::npos; end = received.find('\0')) {
            const auto command = received.substr(0, end);
            received.erase(0, end + 1);
            if (command == "enable")
                send("\0\0\0\0"s);
            else {
                commands.push_back(command);
                if (on_command) on_command(command);
            }
        }
    }
    void send(const std::string& text) {
        REQUIRE(::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }

    Listener listener;
    base::UniqueFd connection;
    int connections = 0;
    std::string received;
    std::vector<std::string> commands;
    std::function<void(const std::string&)> on_command;
};

// A running configuration that can be changed as ospfd's, ospf6d's or bgpd's: a list of lines for each block, in the
// order of their names.
struct FakeFrr {
    explicit FakeFrr(std::filesystem::path where) : path{std::move(where)}, socket{path} {
        socket.on_command = [this](const std::string& command) { answer(command); };
    }
    void answer(const std::string& command) {
        if (hangs) return;
        if (command == "show version") return say("FRRouting " + version + " (x) on Linux(6.1).\n");
        if (command == "show running-config") return say(running());
        if (command.starts_with("show ") && command.ends_with(" json")) return say(interface_json(command));
        if (command == "configure terminal" || command == "end") {
            block.clear();
            family.clear();
            return say("");
        }
        if (!refuses.empty() && command.find(refuses) != std::string::npos)
            return say("% Unknown command: " + command + "\n", '\2');
        if (command.starts_with("interface ") || command.starts_with("router "))
            block = command;
        else if (command.starts_with("address-family "))
            family = command;
        else
            change(command);
        say("");
    }
    void change(const std::string& command) {
        ++changes;
        if (on_change) on_change();
        const bool no = command.starts_with("no ");
        const auto line = no ? command.substr(3) : command;
        auto& lines = blocks[block][family];
        const auto end = line.find_last_of("0123456789") == line.size() - 1 ? line.rfind(' ') : line.size();
        std::erase_if(lines, [&](const std::string& l) { return l.starts_with(line.substr(0, end)); });
        if (!no) lines.push_back(line);
        std::ranges::sort(lines);
    }
    std::string running() const {
        std::string out = "frr version " + version + "\n!\n";
        for (const auto& [opening, families] : blocks) {
            out += opening + "\n";
            for (const auto& [name, lines] : families) {
                if (name.empty()) {
                    for (const auto& line : lines) out += " " + line + "\n";
                    continue;
                }
                if (lines.empty()) continue;
                out += " !\n " + name + "\n";
                for (const auto& line : lines) out += "  " + line + "\n";
                out += " exit-address-family\n";
            }
            out += "exit\n!\n";
        }
        return out;
    }
    std::string interface_json(const std::string& command) const {
        std::istringstream words{command};
        std::vector<std::string> all{std::istream_iterator<std::string>{words}, {}};
        const auto name = all[all.size() - 2];
        const auto found = costs.find(name);
        if (found == costs.end()) return "{}";
        return "{\"interfaces\":{\"" + name + "\":{\"ospfEnabled\":true,\"cost\":" + std::to_string(found->second) +
               "}}}";
    }
    void say(const std::string& text, char status = '\0') { socket.send(text + "\0\0\0"s + status); }
    void stop() {
        socket.listener.stop();
        socket.connection.reset();
    }
    void start() { socket.listener.listen(); }

    std::filesystem::path path;
    VtyDaemon socket;
    std::string version = "8.4.4";
    std::map<std::string, std::map<std::string, std::vector<std::string>>> blocks;  // by opening line, by family
    std::map<std::string, std::uint32_t> costs;                                     // of interfaces that OSPF runs on
    std::string refuses;                                                            // part of a command
    bool hangs = false;
    int changes = 0;
    std::function<void()> on_change;
    std::string block, family;
};

}  // namespace test
