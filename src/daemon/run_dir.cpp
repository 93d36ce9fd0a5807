#include "daemon/run_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

namespace wgbfd {
namespace {

std::string with_fix(std::string what, int error) {
    if (error == EACCES || error == EPERM) what += " (run this as root)";
    return what;
}

}  // namespace

void RunDir::create() const {
    std::error_code error;
    std::filesystem::create_directories(path_, error);
    if (error)
        throw std::system_error{error, with_fix("cannot make the run directory " + path_.string(), error.value())};
}

std::optional<base::UniqueFd> RunDir::try_lock() const {
    const auto file = path_ / "lock";
    // For reading: so that `undo` can put back what it finds where nothing can be written any more.
    base::UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600)};
    if (!fd) {
        const int error = errno;
        throw std::system_error{error, std::system_category(), with_fix("cannot open " + file.string(), error)};
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
    if (errno == EWOULDBLOCK) return std::nullopt;
    throw std::system_error{errno, std::system_category(), "cannot lock " + file.string()};
}

std::set<std::string> RunDir::read_lines(const char* file) const {
    std::set<std::string> lines;
    std::ifstream in{path_ / file};
    for (std::string line; std::getline(in, line);)
        if (!line.empty()) lines.insert(line);
    return lines;
}

void RunDir::write_lines(const char* file, const std::set<std::string>& lines) const {
    const auto target = path_ / file;
    const auto temporary = path_ / (std::string{file} + ".new");
    {
        std::ofstream out{temporary, std::ios::trunc};
        for (const auto& line : lines) out << line << '\n';
        out.flush();
        if (!out) throw std::system_error{errno, std::system_category(), "cannot write " + temporary.string()};
    }
    std::error_code error;
    std::filesystem::rename(temporary, target, error);
    if (error) throw std::system_error{error, "cannot write " + target.string()};
}

control::WereUp RunDir::read_were_up() const {
    control::WereUp out;
    for (const auto& line : read_lines("were-up"))
        if (auto one = control::parse_was_up(line)) out.insert(*std::move(one));
    return out;
}

void RunDir::write_were_up(const control::WereUp& all) const {
    std::set<std::string> lines;
    for (const auto& one : all) lines.insert(to_string(one));
    write_lines("were-up", lines);
}

std::set<std::string> RunDir::read_drained() const { return read_lines("drained"); }
void RunDir::write_drained(const std::set<std::string>& names) const { write_lines("drained", names); }

}  // namespace wgbfd
