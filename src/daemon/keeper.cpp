#include "daemon/keeper.hpp"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <utility>

namespace wgbfd {
namespace {

using namespace std::chrono_literals;

constexpr auto guardian_is_busy = 1ms;

bool is_full() { return errno == EAGAIN || errno == ETOOMANYREFS; }

}  // namespace

Keeper::Keeper(boost::asio::io_context& context, base::UniqueFd channel, KeptFds inherited, Events events)
    : events_{std::move(events)},
      channel_{std::move(channel)},
      inherited_{std::move(inherited)},
      again_{context, [this] { flush(); }} {
    if (channel_) watch_.emplace(context, channel_.get(), [this] { on_readable(); });
}

base::UniqueFd Keeper::take(const std::string& name) {
    const auto found = inherited_.find(name);
    if (found == inherited_.end()) return {};
    auto fd = std::move(found->second);
    inherited_.erase(found);
    return fd;
}

std::vector<std::string> Keeper::left(std::string_view prefix) const {
    std::vector<std::string> names;
    for (const auto& [name, fd] : inherited_)
        if (name.starts_with(prefix)) names.push_back(name);
    return names;
}

void Keeper::drop_left(std::string_view prefix) {
    for (const auto& name : left(prefix)) {
        inherited_.erase(name);
        drop(name);
    }
}

void Keeper::keep(const std::string& name, int fd) { send(Word::keep, name, fd); }

void Keeper::drop(const std::string& name) { send(Word::drop, name, -1); }

void Keeper::send(Word word, std::string_view text, int fd) {
    if (!channel_) return;
    if (waiting_.empty() && (say(channel_.get(), word, text, fd) || !is_full())) return;
    base::UniqueFd ours{fd >= 0 ? ::fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1};  // its owner may close it meanwhile
    waiting_.push_back({.word = word, .text = std::string{text}, .fd = std::move(ours)});
    if (!again_.is_armed()) again_.expire_after(guardian_is_busy);
}

void Keeper::flush() {
    for (; !waiting_.empty(); waiting_.pop_front()) {
        const auto& next = waiting_.front();
        if (!say(channel_.get(), next.word, next.text, next.fd.get()) && is_full())
            return again_.expire_after(guardian_is_busy);
    }
}

void Keeper::tell_now(Word word) {
    if (!channel_) return;
    for (; !waiting_.empty(); waiting_.pop_front()) {
        const auto& next = waiting_.front();
        say(channel_.get(), next.word, next.text, next.fd.get(), Wait::yes);
    }
    say(channel_.get(), word, {}, -1, Wait::yes);
}

void Keeper::on_readable() {
    Message message;
    switch (hear(channel_.get(), message)) {
        case Heard::nothing: return;
        case Heard::closed:  // it died: whoever starts us again will not be its worker
            watch_.reset();
            channel_.reset();
            waiting_.clear();
            return events_.on_refused("the guardian has gone: stop wgbfd and start it again");
        case Heard::message: break;
    }
    if (message.word == Word::yield) return events_.on_yield();
    if (message.word == Word::refused) return events_.on_refused(message.text);
}

}  // namespace wgbfd
