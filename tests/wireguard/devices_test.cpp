// Devices against sockets that answer well, badly and not at all.
#include "wireguard/devices.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "support/fake_uapi.hpp"

using support::FakeUapi;
using support::write_all;
using namespace std::chrono_literals;

namespace {

std::string peer(char digit) { return "public_key=" + std::string(64, digit) + "\n"; }
std::string answer(const std::string& peers) { return "listen_port=7\n" + peers + "errno=0\n\n"; }

struct Fixture {
    explicit Fixture(base::Duration often = 100ms) : pace{.often = often, .time_limit = 200ms} {}
    bool until(const std::function<bool()>& done) { return support::until(context, done); }
    void links(std::initializer_list<std::pair<std::uint32_t, const char*>> all) {
        std::vector<adjacency::Link> out;
        for (const auto& [index, name] : all) {
            auto& link = out.emplace_back();
            link.index.value = index;
            link.name = name;
            link.kind = "tun";
        }
        devices.on_links(out);
    }
    const adjacency::Device* find(const std::string& name) const {
        const auto at = std::ranges::find(now, name, &adjacency::Device::interface);
        return at == now.end() ? nullptr : &*at;
    }
    bool has_problem(const std::string& text) const {
        return std::ranges::any_of(devices.problems(),
                                   [&](const std::string& p) { return p.find(text) != std::string::npos; });
    }
    support::UapiFolder folder;
    boost::asio::io_context context{1};
    std::vector<adjacency::Device> now;
    int calls = 0;
    wireguard::Devices::Pace pace;
    wireguard::Devices devices{context,
                               [this](std::vector<adjacency::Device> all) {
                                   ++calls;
                                   now = std::move(all);
                               },
                               folder.path, pace};
};

}  // namespace

TEST_CASE("a socket whose interface exists here is a device; one whose interface does not is nobody's") {
    Fixture f;
    const FakeUapi here{f.folder, "wg0", [](int fd) { write_all(fd, answer(peer('1'))); }};
    const FakeUapi elsewhere{f.folder, "wg9", [](int fd) { write_all(fd, answer(peer('9'))); }};
    f.links({{7, "wg0"}, {8, "eth0"}});
    REQUIRE(f.until([&] { return f.find("wg0") != nullptr; }));
    CHECK(f.find("wg0")->index.value == 7);
    CHECK(f.find("wg0")->listen_port == 7);
    CHECK(f.find("wg0")->peers.size() == 1);
    CHECK(f.now.size() == 1);
    CHECK(f.devices.problems().empty());
}

TEST_CASE("a device that comes back under another index is told with it, and one that goes is gone") {
    Fixture f;
    const FakeUapi server{f.folder, "wg0", [](int fd) { write_all(fd, answer(peer('1'))); }};
    f.links({{7, "wg0"}});
    REQUIRE(f.until([&] { return f.find("wg0") != nullptr; }));
    f.links({{9, "wg0"}});
    CHECK(f.until([&] { return f.find("wg0") != nullptr && f.find("wg0")->index.value == 9; }));
    f.links({});
    CHECK(f.until([&] { return f.find("wg0") == nullptr; }));
}

TEST_CASE("a device that answers nonsense, half an answer or nothing keeps its peers, and the problem is told") {
    Fixture f;
    std::optional<FakeUapi> server;
    server.emplace(f.folder, "wg0", [](int fd) { write_all(fd, answer(peer('1') + peer('2'))); });
    f.links({{7, "wg0"}});
    REQUIRE(f.until([&] { return f.find("wg0") != nullptr; }));
    const auto before = *f.find("wg0");
    std::string problem;
    SUBCASE("nonsense") {
        problem = "not key=value";
        server.emplace(f.folder, "wg0", [](int fd) { write_all(fd, "SSH-2.0-OpenSSH_9.2\r\n"); });
    }
    SUBCASE("half an answer, then the end") {
        problem = "cut short";
        server.emplace(f.folder, "wg0", [](int fd) { write_all(fd, answer(peer('3')).substr(0, 60)); });
    }
    SUBCASE("half an answer, then silence") {
        problem = "no answer in time";
        server.emplace(f.folder, "wg0", [](int fd) {
            write_all(fd, answer(peer('3')).substr(0, 60));
            ::pause();
        });
    }
    SUBCASE("nothing") {
        problem = "no answer in time";
        server.emplace(f.folder, "wg0", [](int) { ::pause(); });
    }
    SUBCASE("one line without end") {
        problem = "line is too long";
        server.emplace(f.folder, "wg0", [](int fd) { write_all(fd, std::string(100'000, 'x')); });
    }
    SUBCASE("an error of its own") {
        problem = "the answer is an error";
        server.emplace(f.folder, "wg0", [](int fd) { write_all(fd, "errno=5\n\n"); });
    }
    SUBCASE("nobody behind the socket") {
        problem = "nobody listens";
        server.reset();
    }
    SUBCASE("no socket any more") {
        problem = "socket is gone";
        server.reset();
        std::filesystem::remove(f.folder.path / "wg0.sock");
    }
    f.devices.refresh("wg0");
    REQUIRE(f.until([&] { return f.has_problem("wg0: ") && f.has_problem(problem); }));
    REQUIRE(f.find("wg0") != nullptr);
    CHECK(*f.find("wg0") == before);
    // And back once it answers again.
    server.emplace(f.folder, "wg0", [](int fd) { write_all(fd, answer(peer('4'))); });
    REQUIRE(f.until([&] { return f.find("wg0")->peers.size() == 1; }));
    CHECK(f.devices.problems().empty());
}

TEST_CASE("an answer that never ends is given up after the time limit, and other devices are looked at meanwhile") {
    Fixture f;
    const FakeUapi endless{f.folder, "wg0", [](int fd) {
                               for (int i = 0; i < 1'000'000; ++i) {
                                   if (::write(fd, "endless=1\n", 10) < 0) return;
                                   ::usleep(1000);
                               }
                           }};
    const FakeUapi good{f.folder, "wg1", [](int fd) { write_all(fd, answer(peer('1'))); }};
    f.links({{7, "wg0"}, {8, "wg1"}});
    REQUIRE(f.until([&] { return f.find("wg1") != nullptr; }));
    REQUIRE(f.until([&] { return f.has_problem("wg0: no answer in time"); }));
    CHECK(f.find("wg0") == nullptr);
}

TEST_CASE("looks asked for while one runs are one more look, however many") {
    Fixture f;
    // Each answer says how many looks there have been, half a second late in the first.
    const FakeUapi server{f.folder, "wg0", [looks = 0](int fd) mutable {
                              if (++looks == 1) ::usleep(200'000);
                              write_all(fd, "listen_port=" + std::to_string(looks) + "\nerrno=0\n\n");
                          }};
    f.links({{7, "wg0"}});
    f.context.run_for(20ms);
    for (int i = 0; i < 10; ++i) f.devices.refresh("wg0");
    REQUIRE(f.until([&] { return f.find("wg0") != nullptr && f.find("wg0")->listen_port == 2; }));
    CHECK(f.calls <= 2);
    f.devices.refresh("nobody");
    for (int i = 0; i < 10; ++i) f.devices.refresh("wg0");
    REQUIRE(f.until([&] { return f.find("wg0")->listen_port >= 3; }));
    CHECK(f.find("wg0")->listen_port == 3);
}

TEST_CASE(
    "a look that is asked for is told of alone, also when nothing changed, and what changed with the next regular "
    "one") {
    Fixture f;
    int looks = 0;
    const FakeUapi server{f.folder, "wg0", [answers = 0](int fd) mutable {
                              write_all(fd, "listen_port=" + std::to_string(1 + answers++ / 3) + "\nerrno=0\n\n");
                          }};
    f.devices.on_look = [&](base::TimePoint begun, const adjacency::Device& device) {
        ++looks;
        CHECK(begun <= std::chrono::steady_clock::now());
        CHECK(device.interface == "wg0");
        if (looks < 3) f.devices.look("wg0");
    };
    f.links({{7, "wg0"}});
    REQUIRE(f.until([&] { return looks == 3; }));
    CHECK(f.find("wg0")->listen_port == 1);
    CHECK(f.calls == 1);
    f.devices.look("wg0");
    REQUIRE(f.until([&] { return looks == 4; }));  // port 2
    CHECK(f.find("wg0")->listen_port == 1);
    CHECK(f.calls == 1);
    REQUIRE(f.until([&] { return f.calls == 2; }));
    CHECK(looks >= 5);
    CHECK(f.find("wg0")->listen_port == 2);
    f.devices.look("nobody");
}

TEST_CASE("however often somebody asks, a device is looked at for a quarter of the time") {
    Fixture f{10s};
    std::vector<base::TimePoint> begun;
    const FakeUapi server{f.folder, "wg0", [](int fd) {
                              ::usleep(10'000);
                              write_all(fd, answer(peer('1')));
                          }};
    f.devices.on_look = [&](base::TimePoint at, const adjacency::Device&) { begun.push_back(at); };
    f.links({{7, "wg0"}});
    REQUIRE(f.until([&] {
        f.devices.look("wg0");
        return begun.size() >= 5;
    }));
    for (std::size_t i = 1; i < begun.size(); ++i) CHECK(begun[i] - begun[i - 1] >= 4 * 10ms);
}

TEST_CASE("what has not changed is not told again") {
    Fixture f;
    const FakeUapi server{f.folder, "wg0", [](int fd) { write_all(fd, answer(peer('1'))); }};
    f.links({{7, "wg0"}});
    REQUIRE(f.until([&] { return f.calls == 1; }));
    for (int i = 0; i < 5; ++i) {
        f.devices.refresh("wg0");
        f.context.restart();
        f.context.run_for(20ms);
    }
    CHECK(f.calls == 1);
}

TEST_CASE("an in-kernel device that cannot be asked about is a problem that is told, not a device") {
    Fixture f;
    adjacency::Link link;
    link.index.value = 4242;  // no such interface, and maybe no WireGuard in this kernel
    link.name = "wg0";
    link.kind = "wireguard";
    f.devices.on_links({link});
    REQUIRE(f.until([&] { return f.has_problem("wg0: generic netlink: "); }));
    CHECK(f.calls == 0);
    f.devices.on_links({});
    CHECK(f.devices.problems().empty());
}

#if !defined(__SANITIZE_ADDRESS__)
namespace {

// The secret, digit by digit, so that it stands nowhere in this process but where a defect leaves it.
volatile unsigned seed = 11;
char secret_digit(unsigned i) { return "0123456789abcdef"[(i * i * 3 + i * seed + 5) % 16]; }

// How often the first 24 digits of the secret stand in the writable memory of this process.
int copies_of_secret() {
    int copies = 0;
    std::ifstream maps{"/proc/self/maps"};
    for (std::string line; std::getline(maps, line);) {
        unsigned long from = 0, to = 0;
        char readable = 0, writable = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx %c%c", &from, &to, &readable, &writable) != 4) continue;
        if (readable != 'r' || writable != 'w') continue;
        const volatile char* const text = reinterpret_cast<const char*>(from);
        for (unsigned long at = 0; at + 24 <= to - from; ++at) {
            unsigned i = 0;
            while (i < 24 && text[at + i] == secret_digit(i)) ++i;
            if (i == 24) ++copies;
        }
    }
    return copies;
}

}  // namespace

TEST_CASE("secret keys are nowhere in memory once an answer was read, however it was cut") {
    {
        std::string control;
        control.reserve(64);
        for (unsigned i = 0; i < 64; ++i) control += secret_digit(i);
        CHECK(copies_of_secret() > 0);  // it would be found
        ::explicit_bzero(control.data(), control.size());
        CHECK(copies_of_secret() == 0);
    }
    Fixture f;
    const FakeUapi server{f.folder, "wg0", [](int fd) {
                              std::string secret;
                              for (unsigned i = 0; i < 64; ++i) secret += secret_digit(i);
                              write_all(fd, "private_key=" + secret + "\nlisten_port=7\npublic_key=" +
                                                std::string(64, '1') + "\npreshared_key=" + secret.substr(0, 40));
                              ::usleep(50'000);
                              write_all(fd, secret.substr(40) + "\nrx_bytes=1\nerrno=0\n\n");
                          }};
    f.links({{7, "wg0"}});
    REQUIRE(f.until([&] { return f.find("wg0") != nullptr; }));
    CHECK(copies_of_secret() == 0);
}
#endif
