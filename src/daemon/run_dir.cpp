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

std::set<std::string> RunDir::read_names(const char* file) const {
    std::set<std::string> names;
    std::ifstream in{path_ / file};
    for (std::string line; std::getline(in, line);)
        if (!line.empty()) names.insert(line);
    return names;
}

void RunDir::write_names(const char* file, const std::set<std::string>& names) const {
    const auto target = path_ / file;
    const auto temporary = path_ / (std::string{file} + ".new");
    {
        std::ofstream out{temporary, std::ios::trunc};
        for (const auto& name : names) out << name << '\n';
        out.flush();
        if (!out) throw std::system_error{errno, std::system_category(), "cannot write " + temporary.string()};
    }
    std::error_code error;
    std::filesystem::rename(temporary, target, error);
    if (error) throw std::system_error{error, "cannot write " + target.string()};
}

std::set<std::string> RunDir::read_were_up() const { return read_names("were-up"); }
void RunDir::write_were_up(const std::set<std::string>& names) const { write_names("were-up", names); }
std::set<std::string> RunDir::read_drained() const { return read_names("drained"); }
void RunDir::write_drained(const std::set<std::string>& names) const { write_names("drained", names); }

}  // namespace wgbfd
