// How `wgbfd doctor` looks at a run directory: asks the daemon, with a time limit, and else reads what it left. The
// lock is looked up, never taken: a daemon that starts in that moment would find it held.
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include <nlohmann/json.hpp>

#include "base/unique_fd.hpp"
#include "bird/include_feed.hpp"
#include "bird/kept_disabled.hpp"
#include "bird/protocol_feed.hpp"
#include "cli/doctor_gather.hpp"
#include "frr/dataplane_address.hpp"
#include "frr/settings.hpp"
#include "io/undo_log.hpp"
#include "kernel/nexthop_table.hpp"
#include "kernel/operstate.hpp"
#include "quality/far_end.hpp"

namespace cli {
namespace {

using namespace std::chrono_literals;

constexpr auto answer_within = 2s;
constexpr std::string_view question = "{\"command\":\"status\"}\n";

// Until the newline, or nothing when the time is up.
std::optional<std::string> read_line(int fd) {
    std::string line;
    const auto end = std::chrono::steady_clock::now() + answer_within;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
        pollfd ready{fd, POLLIN, 0};
        if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return std::nullopt;
        char block[16 * 1024];
        const auto n = ::read(fd, block, sizeof block);
        if (n <= 0) return std::nullopt;
        line.append(block, static_cast<std::size_t>(n));
        if (line.back() == '\n') return line;
    }
}

void collect_problems(const nlohmann::json& status, std::vector<std::string>& out) {
    const auto problems = status.value("problems", nlohmann::json::array());
    const auto feeds = status.value("feeds", nlohmann::json::object());
    for (const auto& problem : problems)
        if (problem.is_string()) out.push_back(problem.get<std::string>());
    for (const auto& [name, feed] : feeds.items())
        if (feed.is_object() && feed.contains("problem") && feed["problem"].is_string())
            out.push_back(name + ": " + feed["problem"].get<std::string>());
}

void collect_paths(const nlohmann::json& status, std::vector<DaemonFacts::Path>& out) {
    for (const auto& row : status.value("adjacencies", nlohmann::json::array())) {
        if (!row.is_object() || (row.value("state", "") != "up" && row.value("state", "") != "degraded")) continue;
        const auto text = [&](const char* key) {
            return row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : std::string{};
        };
        const auto key = adjacency::PublicKey::from_base64(text("peer"));
        if (key && !text("group").empty())
            out.push_back({text("name"), text("interface"), text("group"), *key, row.value("cost", 0U)});
    }
}

void collect_far_ends(const nlohmann::json& status, std::set<std::pair<std::string, adjacency::PublicKey>>& out) {
    for (const auto& row : status.value("adjacencies", nlohmann::json::array())) {
        if (!row.is_object()) continue;
        const auto far_end = row.value("far_end", nlohmann::json());
        if (!far_end.is_object() || far_end.value("rp_filter", "") != to_string(quality::ReversePath::strict)) continue;
        const auto peer = row.value("peer", nlohmann::json());
        const auto key = adjacency::PublicKey::from_base64(peer.is_string() ? peer.get<std::string>() : "");
        if (key) out.emplace(row.value("interface", ""), *key);
    }
}

// What an ended daemon left changed, in a word for a person.
std::string left_over(const io::UndoRecord& record) {
    if (record.feed == kernel::nexthop_feed) return "routes in table " + record.subject;
    if (const auto subject = bird::parse_protocol_subject(record.subject);
        subject && record.feed == bird::protocol_feed)
        return "BIRD's protocol " + subject->name;
    if (const auto known = bird::parse_disabled(record))
        return "BIRD's protocol " + known->protocol.name + ", which you had disabled";
    if (const auto subject = bird::parse_include_subject(record.subject); subject && record.feed == bird::include_feed)
        return "BIRD's constants in " + subject->file;
    if (const auto known = frr::parse_record(record)) return "FRR's running configuration: " + to_string(known->place);
    const auto subject = kernel::parse_subject(record.subject);
    return subject ? subject->interface : record.subject;
}

// Fills `answers` and `problems` when a daemon answers.
void ask_daemon(const std::string& path, DaemonFacts& out) {
    const auto address = frr::unix_address(path);
    const base::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd || address.length == 0 || ::connect(fd.get(), address.get(), address.length) != 0) return;
    if (::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(question.size()))
        return;
    const auto line = read_line(fd.get());
    const auto answer = nlohmann::json::parse(line.value_or(""), nullptr, false);
    if (!answer.is_object() || !answer.contains("result") || !answer["result"].is_object()) return;
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0) out.answers = peer.pid;
    collect_problems(answer["result"], out.problems);
    collect_paths(answer["result"], out.paths);
    collect_far_ends(answer["result"], out.strict_far_ends);
}

}  // namespace

// "1: FLOCK  ADVISORY  WRITE 4711 00:1a:1234 0 EOF": device numbers in hexadecimal, the inode in decimal.
std::optional<pid_t> lock_holder(std::string_view proc_locks, unsigned device_major, unsigned device_minor,
                                 std::uint64_t inode) {
    std::istringstream lines{std::string{proc_locks}};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields{line};
        const std::vector<std::string> words{std::istream_iterator<std::string>{fields}, {}};
        if (words.size() < 6 || words[1] != "FLOCK") continue;
        unsigned major_number = 0, minor_number = 0;
        unsigned long long number = 0;
        if (std::sscanf(words[5].c_str(), "%x:%x:%llu", &major_number, &minor_number, &number) != 3) continue;
        if (major_number != device_major || minor_number != device_minor || number != inode) continue;
        pid_t pid = 0;
        std::from_chars(words[4].data(), words[4].data() + words[4].size(), pid);
        return std::max(pid, 0);  // -1: of another process namespace
    }
    return std::nullopt;
}

DaemonFacts gather_daemon(const wgbfd::RunDir& run_dir) {
    DaemonFacts out;
    out.run_dir = run_dir.path().string();
    ask_daemon(run_dir.control_socket().string(), out);
    struct stat lock {};
    if (::stat((run_dir.path() / "lock").c_str(), &lock) == 0) {
        std::ifstream in{"/proc/locks"};
        const std::string text{std::istreambuf_iterator<char>{in}, {}};
        out.lock_holder = lock_holder(text, major(lock.st_dev), minor(lock.st_dev), lock.st_ino);
    }
    const io::UndoLog undo{run_dir.undo_log()};
    for (const auto& record : undo.records()) {
        const auto known = frr::parse_record(record);
        if (known && known->held.ours.empty()) continue;  // somebody else's by now
        out.left_over.push_back(left_over(record));
        if (known)
            out.frr_lines.push_back(to_string(known->place) + ' ' + to_string(known->place, known->held.ours.front()));
    }
    return out;
}

}  // namespace cli
