// What a worker gives its guardian, and what the next one gets.
#include "daemon/handover.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <thread>

#include <boost/asio/io_context.hpp>

#include "daemon/keeper.hpp"
#include "daemon/memory_file.hpp"

namespace {

using namespace wgbfd;

base::UniqueFd some_file() { return base::UniqueFd{::fcntl(MemoryFile{4096}.fd(), F_DUPFD_CLOEXEC, 0)}; }

ino_t inode(int fd) {
    struct stat file {};
    REQUIRE(::fstat(fd, &file) == 0);
    return file.st_ino;
}

void turn(boost::asio::io_context& context) {
    context.restart();
    while (context.poll() != 0) context.restart();
}

}  // namespace

TEST_CASE("words arrive whole, in order, with their text and their descriptor") {
    auto [guardian, worker] = make_channel();
    const auto file = some_file();
    Message message;
    CHECK(hear(guardian.get(), message) == Heard::nothing);
    REQUIRE(say(worker.get(), Word::keep, "listen any 4", file.get()));
    REQUIRE(say(worker.get(), Word::ready));
    REQUIRE(say(worker.get(), Word::failed, std::string(5'000, 'x')));
    REQUIRE(hear(guardian.get(), message) == Heard::message);
    CHECK(message.word == Word::keep);
    CHECK(message.text == "listen any 4");
    REQUIRE(message.fd);
    CHECK(inode(message.fd.get()) == inode(file.get()));
    REQUIRE(hear(guardian.get(), message) == Heard::message);
    CHECK(message.word == Word::ready);
    CHECK(message.text.empty());
    CHECK_FALSE(message.fd);
    REQUIRE(hear(guardian.get(), message) == Heard::message);
    CHECK(message.text == std::string(1024, 'x'));
    worker.reset();
    CHECK(hear(guardian.get(), message) == Heard::closed);
    CHECK_FALSE(say(guardian.get(), Word::go));
}

TEST_CASE("a worker inherits everything up to the word to begin, and nothing from a guardian that has gone") {
    auto [guardian, worker] = make_channel();
    const auto a = some_file(), b = some_file();
    say(guardian.get(), Word::keep, "a", a.get());
    say(guardian.get(), static_cast<Word>('?'), "of a later version");
    say(guardian.get(), Word::keep, "b", b.get());
    say(guardian.get(), Word::go);
    const auto inherited = inherit(worker.get());
    REQUIRE(inherited.size() == 2);
    CHECK(inode(inherited.at("a").get()) == inode(a.get()));
    CHECK(inode(inherited.at("b").get()) == inode(b.get()));
    guardian.reset();
    CHECK_THROWS_AS(inherit(worker.get()), std::runtime_error);
}

TEST_CASE("a guardian that is behind costs the worker no time, and misses nothing") {
    boost::asio::io_context context{1};
    auto [guardian, channel] = make_channel();
    Keeper keeper{context, std::move(channel), {}, {[] {}, [](const std::string&) {}}};
    constexpr int many = 3'000;
    const auto file = some_file();
    for (int i = 0; i < many; ++i) keeper.keep(std::to_string(i), file.get());
    keeper.drop("0");
    Message message;
    for (int i = 0; i < many; ++i) {
        while (hear(guardian.get(), message) == Heard::nothing) {
            context.restart();
            context.run_one_for(std::chrono::seconds{1});
        }
        REQUIRE(message.word == Word::keep);
        REQUIRE(message.text == std::to_string(i));
        REQUIRE(message.fd);
    }
    turn(context);
    while (hear(guardian.get(), message) == Heard::nothing) {
        context.restart();
        context.run_one_for(std::chrono::seconds{1});
    }
    CHECK(message.word == Word::drop);
}

TEST_CASE("what is inherited is taken once; what nobody takes is closed, and the guardian told") {
    boost::asio::io_context context{1};
    auto [guardian, channel] = make_channel();
    KeptFds inherited;
    for (const auto* name : {"bfdd 1 unix:x", "bfdd 2 unix:x", "control"}) inherited.emplace(name, some_file());
    Keeper keeper{context, std::move(channel), std::move(inherited), {[] {}, [](const std::string&) {}}};
    CHECK(keeper.left("bfdd ") == std::vector<std::string>{"bfdd 1 unix:x", "bfdd 2 unix:x"});
    CHECK(keeper.take("bfdd 1 unix:x"));
    CHECK_FALSE(keeper.take("bfdd 1 unix:x"));
    keeper.drop_left();
    Message message;
    for (const auto* name : {"bfdd 2 unix:x", "control"}) {
        REQUIRE(hear(guardian.get(), message) == Heard::message);
        CHECK(message.word == Word::drop);
        CHECK(message.text == name);
    }
    CHECK(keeper.left("").empty());
}

TEST_CASE("a worker hears when to give way, why it need not, and that its guardian has gone") {
    boost::asio::io_context context{1};
    auto [guardian, channel] = make_channel();
    int yields = 0;
    std::string why;
    Keeper keeper{context, std::move(channel), {}, {[&] { ++yields; }, [&](const std::string& text) { why = text; }}};
    say(guardian.get(), Word::yield);
    say(guardian.get(), Word::refused, "no such file");
    turn(context);
    CHECK(yields == 1);
    CHECK(why == "no such file");
    guardian.reset();
    turn(context);
    CHECK_FALSE(keeper.has_guardian());
    keeper.keep("nobody", 0);
    keeper.tell_now(Word::yielded);
}

TEST_CASE("memory outlives whoever wrote it") {
    base::UniqueFd held;
    {
        MemoryFile written{8192};
        written.bytes()[5'000] = std::byte{42};
        held.reset(::fcntl(written.fd(), F_DUPFD_CLOEXEC, 0));
    }
    MemoryFile found{std::move(held)};
    REQUIRE(found.bytes().size() == 8192);
    CHECK(found.bytes()[5'000] == std::byte{42});
    CHECK_THROWS_AS(MemoryFile{base::UniqueFd{}}, std::system_error);
}
