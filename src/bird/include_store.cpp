#include "bird/include_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "base/unique_fd.hpp"

namespace bird {
namespace {

constexpr std::size_t longest = 8 * 1024 * 1024;
constexpr mode_t for_all_to_read = 0644;  // BIRD reads it as a user of its own

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

std::string fix_of(int error) {
    switch (error) {
        case EACCES:
        case EPERM: return ": let wgbfd write in its directory, or give include in [bird] another place";
        case EROFS:
            return ": give include in [bird] a place that can be written (under systemd: one that ReadWritePaths= of "
                   "wgbfd.service names)";
        case ENOENT:
        case ENOTDIR: return ": make its directory, one that BIRD may read";
        default: return "";
    }
}

}  // namespace

bool IncludeStore::fail(const char* what, int error) {
    problem_ = std::string{"cannot "} + what + " " + path_.string() +
               ", the include of [bird]: " + std::generic_category().message(error) + fix_of(error);
    return false;
}

// None: it is not there, or cannot be read, which is a problem.
std::optional<std::string> IncludeStore::load() {
    const base::UniqueFd fd{::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) {
        if (errno != ENOENT) fail("read", errno);
        return std::nullopt;
    }
    std::string text;
    std::array<char, 16 * 1024> block;
    while (text.size() <= longest) {
        const auto n = ::read(fd.get(), block.data(), block.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            fail("read", errno);
            return std::nullopt;
        }
        if (n == 0) break;
        text.append(block.data(), static_cast<std::size_t>(n));
    }
    return text;
}

const std::optional<Defines>& IncludeStore::read() {
    problem_.clear();
    holds_.reset();
    const auto text = load();
    foreign_ = text && !is_ours(*text);
    if (foreign_)
        problem_ = path_.string() +
                   ", the include of [bird], is not wgbfd's file and is left as it is: move it away, or give include "
                   "another name";
    if (text && !foreign_) holds_ = parse_defines(*text);
    return holds_;
}

bool IncludeStore::write(const Defines& defines, bool durable) {
    read();
    if (foreign_) return false;
    problem_.clear();
    if (holds_ == defines && !durable) return true;
    if (!replace(render(defines), durable)) return false;
    holds_ = defines;
    return true;
}

bool IncludeStore::replace(const std::string& text, bool durable) {
    std::error_code error;
    const auto target = std::filesystem::weakly_canonical(path_, error);  // a link stays one
    if (error) return fail("find", error.value());
    // A name that no pattern in an `include` of BIRD's finds.
    const auto fresh = target.parent_path() / std::string{"."}.append(target.filename().string()).append(".tmp");
    const base::UniqueFd fd{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!fd) return fail("write", errno);
    if (!write_all(fd.get(), text) || ::fchmod(fd.get(), for_all_to_read) < 0 || (durable && ::fsync(fd.get()) < 0) ||
        ::rename(fresh.c_str(), target.c_str()) < 0) {
        const int why = errno;
        ::unlink(fresh.c_str());
        return fail("write", why);
    }
    return true;
}

}  // namespace bird
