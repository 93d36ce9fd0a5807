#include "cli/bench_end.hpp"

#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "net/clock.hpp"
#include "net/receive_socket.hpp"

namespace cli {

namespace {

// The n-th pair of addresses, the same at both ends.
bfd::SessionKey key_of(const BenchNet& net, std::size_t end, std::size_t number) {
    const std::array<std::size_t, BenchNet::ends> place{number / BenchNet::addresses, number % BenchNet::addresses};
    return {net.interface(end), BenchNet::address(end, place[end]), BenchNet::address(1 - end, place[1 - end])};
}

}  // namespace

BenchEnd::BenchEnd(const BenchNet& net, std::size_t end, std::size_t sessions, std::chrono::microseconds interval)
    : pool_{sessions}, loop_{{.capacity = sessions}} {
    auto socket = net::bind_receive(base::Family::v4, false);
    if (!socket) throw std::runtime_error{"bench: " + socket.error().what + " failed"};
    post(probe::Listen{.fd = socket->release()});
    const bfd::Microseconds wished{static_cast<std::uint32_t>(interval.count())};
    const bfd::Parameters parameters{.desired_min_tx = wished, .required_min_rx = wished, .detect_mult = 3};
    for (std::size_t i = 0; i < sessions; ++i) {
        const auto number = static_cast<std::uint32_t>(i + 1);
        auto* const slot =
            pool_.create(key_of(net, end, i), 255,
                         bfd::Session{parameters, bfd::Discriminator{number}, number * 2654435761U, net::steady_now()});
        slots_.push_back(slot);
        post(probe::Add{slot});
    }
}

void BenchEnd::post(const probe::Command& command) {
    while (!loop_.post(command)) {
        take_events();
        ::poll(nullptr, 0, 1);
    }
}

void BenchEnd::take_events() {
    loop_.acknowledge();
    while (loop_.next_event()) {
    }
}

std::size_t BenchEnd::up() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        slots_, [](const probe::Slot* slot) { return slot->counters.ups.value() > slot->counters.downs.value(); }));
}

EndCounts BenchEnd::counts() const {
    const auto& loop = loop_.counters();
    EndCounts out{.sends = loop.sends.value(),
                  .receives = loop.receives.value(),
                  .lost = loop.kernel_drops.value() + loop.send_shortages.value()};
    for (const auto* slot : slots_) out.downs += slot->counters.downs.value();
    return out;
}

std::vector<std::chrono::nanoseconds> probe_threads() {
    std::vector<std::chrono::nanoseconds> out;
    for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
        std::string name;
        std::getline(std::ifstream{task.path() / "comm"}, name);
        std::uint64_t on_cpu = 0;
        if (name == "probe" && std::ifstream{task.path() / "schedstat"} >> on_cpu)
            out.emplace_back(static_cast<std::int64_t>(on_cpu));
    }
    return out;
}

}  // namespace cli
