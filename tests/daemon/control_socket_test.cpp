// The control socket against good and bad clients: real sockets, turned by hand, no clock.
#include "daemon/control_socket.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <vector>

#include "base/unique_fd.hpp"
#include "folder.hpp"

namespace {

using nlohmann::json;

struct Server {
    Server()
        : path{folder.path / "control.sock"},
          socket{std::in_place, context, path,
                 [this](const json& request) {
                     ++asked;
                     return answer(request);
                 },
                 [this](const json& request, wgbfd::ControlSocket::Reply reply) {
                     if (request["command"] != "slow" && !request.contains("late")) return false;
                     slow.push_back(std::move(reply));
                     return true;
                 }} {}
    ~Server() {
        socket.reset();
        context.restart();  // nothing that Asio still holds may touch it now
    }

    json answer(const json& request) {
        const auto command = request["command"].get<std::string>();
        if (command == "echo") return request.value("text", "");
        if (command == "events") return json::array({"old"});
        if (command == "big") return std::string(300'000, 'x');
        if (command == "fail") throw std::runtime_error{"no such thing"};
        if (command == "typed") return request.at("number").get<int>();
        throw std::runtime_error{"unknown command"};
    }
    void turn() {
        context.restart();
        while (context.poll() != 0) context.restart();
    }

    Folder folder;
    std::filesystem::path path;
    boost::asio::io_context context{1};
    int asked = 0;
    std::vector<wgbfd::ControlSocket::Reply> slow;  // that wait
    std::optional<wgbfd::ControlSocket> socket;
};

class Client {
public:
    explicit Client(Server& server) : server_{server}, fd_{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)} {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, server.path.c_str(), server.path.string().size());
        REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        server.turn();
    }
    bool say(std::string_view text) {
        while (!text.empty()) {
            const auto n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN) return false;
            if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
            server_.turn();
        }
        return true;
    }
    // What has come, whole lines only; the server gets its turns in between.
    std::optional<json> hear() {
        for (int tries = 0; tries < 1'000; ++tries) {
            server_.turn();
            if (const auto end = in_.find('\n'); end != std::string::npos) {
                auto line = json::parse(in_.substr(0, end));
                in_.erase(0, end + 1);
                return line;
            }
            char block[65536];
            const auto n = ::recv(fd_.get(), block, sizeof block, 0);
            if (n == 0) closed_ = true;
            if (n < 0 && errno == ECONNRESET) closed_ = true;
            if (closed_) return std::nullopt;
            if (n > 0) in_.append(block, static_cast<std::size_t>(n));
        }
        return std::nullopt;
    }
    json ask(const json& request) {
        REQUIRE(say(request.dump() + "\n"));
        const auto heard = hear();
        REQUIRE(heard);
        return *heard;
    }
    bool is_closed() {
        static_cast<void>(hear());
        return closed_;
    }
    void half_close() { ::shutdown(fd_.get(), SHUT_WR); }

private:
    Server& server_;
    base::UniqueFd fd_;
    std::string in_;
    bool closed_ = false;
};

}  // namespace

TEST_CASE("a request is answered, and the next one on the same connection too") {
    Server server;
    Client client{server};
    CHECK(client.ask({{"command", "echo"}, {"text", "a"}}) == json{{"ok", true}, {"result", "a"}});
    CHECK(client.ask({{"command", "echo"}, {"text", "b"}})["result"] == "b");
}

TEST_CASE("a request in pieces, and several in one piece, are each answered once") {
    Server server;
    Client client{server};
    for (const char c : std::string{"{\"command\":\"echo\",\"text\":\"slow\"}"}) REQUIRE(client.say({&c, 1}));
    CHECK(server.asked == 0);
    REQUIRE(client.say("\n"));
    CHECK(client.hear().value()["result"] == "slow");
    REQUIRE(client.say("{\"command\":\"echo\",\"text\":\"1\"}\n{\"command\":\"echo\",\"text\":\"2\"}\n"));
    CHECK(client.hear().value()["result"] == "1");
    CHECK(client.hear().value()["result"] == "2");
    CHECK(server.asked == 3);
}

TEST_CASE("the socket is root's alone") {
    const Server server;
    struct stat status {};
    REQUIRE(::stat(server.path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
}

TEST_CASE("a socket that a dead predecessor left is replaced, and ours goes with us") {
    const Folder folder;
    const auto path = folder.path / "control.sock";
    boost::asio::io_context context;
    const auto handler = [](const json&) { return json{}; };
    {
        const base::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.string().size());
        REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    REQUIRE(std::filesystem::exists(path));
    { const wgbfd::ControlSocket socket{context, path, handler}; }
    CHECK(!std::filesystem::exists(path));
}

TEST_CASE("a path too long for a socket, or in no directory, is refused with its name") {
    const Folder folder;
    boost::asio::io_context context;
    const auto make = [&](const std::filesystem::path& path) {
        const wgbfd::ControlSocket socket{context, path, [](const json&) { return json{}; }};
    };
    CHECK_THROWS_WITH(make(folder.path / std::string(110, 'x')), doctest::Contains("--run-dir"));
    CHECK_THROWS_WITH(make(folder.path / "none/control.sock"), doctest::Contains("none/control.sock"));
}

TEST_CASE("garbage is answered with what a request is, and the connection goes on") {
    Server server;
    Client client{server};
    const std::string deep(60'000, '[');
    for (const std::string& line :
         {std::string{"hello"}, std::string{}, std::string{"[]"}, std::string{"null"}, std::string{"{}"},
          std::string{"{\"command\":7}"}, std::string{"{\"command\":null}"}, std::string{"{\"command\":\"echo\""},
          std::string{"\xff\xfe\0\x01", 4}, deep}) {
        REQUIRE(client.say(line + "\n"));
        const auto answer = client.hear();
        REQUIRE(answer);
        CHECK((*answer)["ok"] == false);
        CHECK((*answer)["error"].get<std::string>().find("\"command\"") != std::string::npos);
    }
    CHECK(server.asked == 0);
    CHECK(client.ask({{"command", "echo"}, {"text", "still here"}})["ok"] == true);
}

TEST_CASE("a handler's refusal and a field of the wrong type come back as errors") {
    Server server;
    Client client{server};
    CHECK(client.ask({{"command", "fail"}}) == json{{"ok", false}, {"error", "no such thing"}});
    CHECK(client.ask({{"command", "typed"}, {"number", "seven"}})["ok"] == false);
    CHECK(client.ask({{"command", "typed"}})["ok"] == false);
    CHECK(client.ask({{"command", "typed"}, {"number", 7}})["result"] == 7);
}

TEST_CASE("a line longer than a request may be ends that connection and no other") {
    Server server;
    Client good{server}, bad{server};
    bad.say(std::string(70'000, 'x'));
    CHECK(bad.is_closed());
    CHECK(good.ask({{"command", "echo"}})["ok"] == true);
    CHECK(server.asked == 1);
}

TEST_CASE("an answer larger than the socket's buffer arrives whole at a reader who takes its time") {
    Server server;
    Client client{server};
    REQUIRE(client.say("{\"command\":\"big\"}\n"));
    const auto answer = client.hear();
    REQUIRE(answer);
    CHECK((*answer)["result"].get<std::string>().size() == 300'000);
}

TEST_CASE("who asks and never reads is dropped once a megabyte waits, and the others are served") {
    Server server;
    Client good{server}, bad{server};
    for (int i = 0; i < 8; ++i) bad.say("{\"command\":\"big\"}\n");
    CHECK(server.asked < 8);
    while (bad.hear()) {
    }
    CHECK(bad.is_closed());
    CHECK(good.ask({{"command", "echo"}, {"text", "x"}})["result"] == "x");
}

TEST_CASE("followers get each event; who did not ask to follow gets none; one that left is forgotten") {
    Server server;
    Client plain{server}, first{server};
    CHECK(first.ask({{"command", "events"}, {"follow", true}})["result"] == json::array({"old"}));
    CHECK(plain.ask({{"command", "events"}})["ok"] == true);
    {
        Client second{server};
        CHECK(second.ask({{"command", "events"}, {"follow", true}})["ok"] == true);
        server.socket->publish(R"({"event":"one"})");
        CHECK(second.hear().value()["event"] == "one");
    }
    server.socket->publish(R"({"event":"two"})");
    CHECK(first.hear().value()["event"] == "one");
    CHECK(first.hear().value()["event"] == "two");
    CHECK(plain.ask({{"command", "echo"}, {"text", "p"}})["result"] == "p");  // and no event before it
}

TEST_CASE("follow of the wrong type does not follow") {
    Server server;
    Client client{server};
    CHECK(client.ask({{"command", "events"}, {"follow", "yes"}})["ok"] == true);
    server.socket->publish(R"({"event":"one"})");
    CHECK(client.ask({{"command", "echo"}, {"text", "x"}})["result"] == "x");
}

TEST_CASE("a follower that does not read is dropped, and publishing goes on for the rest") {
    Server server;
    Client slow{server}, quick{server};
    slow.ask({{"command", "events"}, {"follow", true}});
    quick.ask({{"command", "events"}, {"follow", true}});
    const auto event = json{{"event", std::string(10'000, 'x')}}.dump();
    for (int i = 0; i < 300; ++i) {
        server.socket->publish(event);
        REQUIRE(quick.hear());
    }
    while (slow.hear()) {
    }
    CHECK(slow.is_closed());
    CHECK(!quick.is_closed());
}

TEST_CASE("who asks to follow and is answered later follows from that answer on") {
    Server server;
    Client client{server};
    client.say("{\"command\":\"events\",\"follow\":true,\"late\":true}\n");
    CHECK(!client.hear());
    server.socket->publish(R"({"event":"one"})");
    server.slow.at(0)(R"(["one"])");
    server.socket->publish(R"({"event":"two"})");
    CHECK(client.hear().value()["result"] == json::array({"one"}));
    CHECK(client.hear().value()["event"] == "two");
    client.say("{\"command\":\"slow\"}\n");
    CHECK(!client.hear());
    server.slow.at(1)("1");
    CHECK(client.hear().value()["result"] == 1);
    server.socket->publish(R"({"event":"three"})");  // it still follows
    CHECK(client.hear().value()["event"] == "three");
}

TEST_CASE("fifty clients at once, each answered with its own; half of them leave in the middle") {
    Server server;
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 50; ++i) clients.push_back(std::make_unique<Client>(server));
    for (int i = 0; i < 50; ++i)
        REQUIRE(clients[static_cast<std::size_t>(i)]->say("{\"command\":\"echo\",\"text\":\"" + std::to_string(i) +
                                                          "\"}\n{\"command\":\"big\"}\n"));
    for (std::size_t i = 0; i < 50; i += 2) clients[i].reset();
    for (std::size_t i = 1; i < 50; i += 2) {
        CHECK(clients[i]->hear().value()["result"] == std::to_string(i));
        CHECK(clients[i]->hear().value()["result"].get<std::string>().size() == 300'000);
    }
    Client late{server};
    CHECK(late.ask({{"command", "echo"}, {"text", "z"}})["result"] == "z");
}

TEST_CASE("a client that closes its sending half still gets the answer to what it asked") {
    Server server;
    Client client{server};
    REQUIRE(client.say("{\"command\":\"echo\",\"text\":\"nc\"}\n"));
    client.half_close();
    const auto answer = client.hear();
    REQUIRE(answer);
    CHECK((*answer)["result"] == "nc");
    CHECK(client.is_closed());
}

TEST_CASE("an answer that takes its time comes before those to later requests of its client, and keeps nobody else") {
    Server server;
    Client one{server}, other{server};
    REQUIRE(one.say("{\"command\": \"slow\"}\n{\"command\": \"echo\", \"text\": \"after\"}\n"));
    REQUIRE(other.say("{\"command\": \"echo\", \"text\": \"beside\"}\n"));
    CHECK(other.hear() == json{{"ok", true}, {"result", "beside"}});
    REQUIRE(server.slow.size() == 1);
    CHECK(server.asked == 1);
    server.slow[0]("[1,2]");
    CHECK(one.hear() == json{{"ok", true}, {"result", {1, 2}}});
    CHECK(one.hear() == json{{"ok", true}, {"result", "after"}});
}

TEST_CASE("who asked and went away is nobody's loss") {
    Server server;
    {
        Client gone{server};
        REQUIRE(gone.say("{\"command\": \"slow\"}\n"));
    }
    server.turn();
    REQUIRE(server.slow.size() == 1);
    server.slow[0]("[]");
    server.turn();
    Client other{server};
    REQUIRE(other.say("{\"command\": \"echo\", \"text\": \"x\"}\n"));
    CHECK(other.hear() == json{{"ok", true}, {"result", "x"}});
}
