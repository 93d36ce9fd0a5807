// frr::BfdDataplane at the end of a pipe, for test_bfdd_dataplane.py: what bfdd asks for goes to standard output, one
// JSON object a line; commands come on standard input:
// (`dataplane_driver vty …` asks one thing of a daemon's vty instead.)
//   up|down|init|admin LID…   flap ROUNDS (all sessions)   status   stop
//   auto (every session is told Up, those that were asked for before this is read too)   manual
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <set>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "frr/bfd_dataplane.hpp"
#include "frr/vty.hpp"
#include "frr/vty_show.hpp"
#include "io/fd_watch.hpp"

namespace {

class Driver {
public:
    Driver(boost::asio::io_context& context, const std::string& address)
        : context_{context},
          client_{context,
                  address,
                  {.on_add = [this](const frr::AddSession& asked) { on_add(asked); },
                   .on_delete =
                       [this](std::uint32_t lid) {
                           lids_.erase(lid);
                           say({{"event", "delete"}, {"lid", lid}});
                       },
                   .counters = [](std::uint32_t lid) -> std::optional<frr::Counters> {
                       return frr::Counters{.control_in_bytes = 24,
                                            .control_in_packets = lid % 100'000,
                                            .control_out_bytes = 24,
                                            .control_out_packets = lid % 1'000};
                   },
                   .on_gone =
                       [this] {
                           say({{"event", "gone"}});
                       },
                   .on_problem =
                       [this](const std::string& text) {
                           say({{"event", "problem"}, {"text", text}});
                       },
                   .on_note =
                       [this](const std::string& text) {
                           say({{"event", "note"}, {"text", text}});
                       }}},
          input_{context, STDIN_FILENO, [this] { on_input(); }} {}

private:
    static void say(const nlohmann::json& what) { std::cout << what.dump() << std::endl; }

    void on_add(const frr::AddSession& asked) {
        lids_.insert(asked.lid);
        say({{"event", "add"},
             {"lid", asked.lid},
             {"source", base::to_string(asked.source)},
             {"destination", base::to_string(asked.destination)},
             {"ifname", asked.ifname},
             {"multihop", asked.multihop},
             {"shutdown", asked.shutdown},
             {"min_tx", asked.min_tx.count()},
             {"min_rx", asked.min_rx.count()},
             {"detect_mult", asked.detect_mult}});
        if (automatic_ && !asked.shutdown) tell(asked.lid, bfd::State::up);
    }

    void tell(std::uint32_t lid, bfd::State state) {
        bfd::Status status;
        status.state = state;
        status.remote_state = state;
        status.remote_discriminator.value = 4711;
        status.remote_detect_mult = 5;
        status.remote_desired_min_tx = status.remote_required_min_rx = bfd::Microseconds{40'000};
        const frr::StateChange change{lid, status};
        client_.tell({&change, 1});
    }

    void on_input() {
        std::array<char, 65536> chunk;
        const auto n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
        if (n <= 0) return context_.stop();
        waiting_.append(chunk.data(), static_cast<std::size_t>(n));
        for (auto end = waiting_.find('\n'); end != std::string::npos; end = waiting_.find('\n')) {
            obey(waiting_.substr(0, end));
            waiting_.erase(0, end + 1);
        }
    }

    void obey(const std::string& line) {
        std::istringstream in{line};
        std::string word;
        in >> word;
        std::uint32_t number = 0;
        if (word == "up")
            while (in >> number) tell(number, bfd::State::up);
        if (word == "down")
            while (in >> number) tell(number, bfd::State::down);
        if (word == "init")
            while (in >> number) tell(number, bfd::State::init);
        if (word == "admin")
            while (in >> number) tell(number, bfd::State::admin_down);
        if (word == "auto") become_automatic();
        if (word == "manual") automatic_ = false;
        if (word == "flap" && in >> number) flap(number);
        if (word == "status")
            say({{"event", "status"}, {"connections", client_.connections()}, {"sessions", client_.sessions()}});
        if (word == "stop")
            client_.stop([this] {
                say({{"event", "stopped"}});
                context_.stop();
            });
    }

    void become_automatic() {
        automatic_ = true;
        for (const auto lid : lids_) tell(lid, bfd::State::up);
    }

    void flap(std::uint32_t rounds) {
        for (std::uint32_t round = 0; round < rounds; ++round)
            for (const auto lid : lids_) tell(lid, round % 2 ? bfd::State::up : bfd::State::down);
        for (const auto lid : lids_) tell(lid, bfd::State::up);
        say({{"event", "flapped"}});
    }

    boost::asio::io_context& context_;
    std::set<std::uint32_t> lids_;
    bool automatic_ = false;
    std::string waiting_;
    frr::BfdDataplane client_;
    io::FdWatch input_;
};

int ask_vty(const char* directory, const char* daemon, const char* command) {
    const auto text = frr::vty_read(directory, daemon, command);
    if (!text) {
        std::cerr << text.error() << '\n';
        return 1;
    }
    nlohmann::json out{{"text", *text}};
    if (const auto version = frr::parse_version(*text)) out["version"] = frr::to_string(*version);
    if (const auto shown = frr::parse_interfaces(*text))
        for (const auto& interface : *shown) out["link_detection"][interface.name] = interface.link_detection;
    std::cout << out.dump() << '\n';
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 5 && std::string_view{argv[1]} == "vty") return ask_vty(argv[2], argv[3], argv[4]);
    if (argc != 2) {
        std::fputs("usage: dataplane_driver ADDRESS | vty DIRECTORY DAEMON COMMAND\n", stderr);
        return 2;
    }
    boost::asio::io_context context{1};
    Driver driver{context, argv[1]};
    context.run();
}
