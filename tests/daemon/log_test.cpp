// The log on a standard error that nobody reads.
#include "daemon/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/unique_fd.hpp"

namespace {

// Standard error as a pipe, full to the brim.
struct StuckReader {
    StuckReader() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        out = base::UniqueFd{ends[0]};
        in = base::UniqueFd{ends[1]};
        ::fcntl(in.get(), F_SETFL, O_NONBLOCK);
        const std::string block(4096, 'x');
        while (::write(in.get(), block.data(), block.size()) > 0) {
        }
        ::fcntl(in.get(), F_SETFL, 0);
        before = base::UniqueFd{::dup(STDERR_FILENO)};
        ::dup2(in.get(), STDERR_FILENO);
    }
    ~StuckReader() { ::dup2(before.get(), STDERR_FILENO); }
    std::string read() const {
        std::string text(1 << 20, '\0');
        ::fcntl(out.get(), F_SETFL, O_NONBLOCK);
        const auto n = ::read(out.get(), text.data(), text.size());
        return text.substr(0, n > 0 ? static_cast<std::size_t>(n) : 0);
    }

    base::UniqueFd out, in, before;
};

}  // namespace

TEST_CASE("a log that nobody reads holds up nothing, and tells later how many lines it cost") {
    const wgbfd::Log log;
    const StuckReader reader;
    ::alarm(20);  // a write that waits would wait for ever
    log.write(wgbfd::Level::notice, "first");
    log.write(wgbfd::Level::notice, "second");
    ::alarm(0);
    CHECK(reader.read().find("first") == std::string::npos);
    log.write(wgbfd::Level::notice, "third");
    const auto text = reader.read();
    CHECK(text.find("lines_lost=2") != std::string::npos);
    CHECK(text.find("third") != std::string::npos);
}
