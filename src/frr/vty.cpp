#include "frr/vty.hpp"

#include <cerrno>
#include <chrono>
#include <deque>
#include <optional>
#include <system_error>
#include <utility>

#include <boost/asio/post.hpp>

#include "io/socket_life.hpp"
#include "io/stream_client.hpp"
#include "io/timer.hpp"

namespace frr {

namespace {

using namespace std::chrono_literals;
constexpr auto time_limit = 3s;
constexpr std::size_t longest_reply = 64 * 1024 * 1024;

// A connection starts in a mode that knows few commands; no password is asked on this socket.
constexpr std::string_view opening = "enable";

base::Bytes with_nul(const std::string& text) { return std::as_bytes(std::span{text.c_str(), text.size() + 1}); }

}  // namespace

struct Vty::Impl {
    struct Asked {
        std::string text;
        Answer answer;
    };

    Impl(boost::asio::io_context& io, std::string directory, std::string name)
        : context{io}, daemon{std::move(name)}, path{std::move(directory) + "/" + daemon + ".vty"} {}

    void next();
    void connect();
    void on_connected();
    void on_bytes(std::string_view bytes);
    void on_reply(VtyReply reply);
    void on_closed(std::error_code why);
    void finish(base::Result<VtyReply, VtyError> result);
    void fail(VtyFailure failure, const std::string& text);

    boost::asio::io_context& context;
    std::string daemon;
    std::string path;
    std::deque<Asked> waiting;  // the first one is under way when `busy`
    bool busy = false;
    bool enabled = false;  // the opening has been answered
    std::string life;
    VtyReader reader;
    std::unique_ptr<io::StreamClient> stream;  // none: not connected
    io::Timer deadline{context, [this] { fail(VtyFailure::timeout, "does not answer within 3 s"); }};
    io::Timer turn{context, [this] { next(); }};  // a call of its own for whatever a caller or a handler set off
};

void Vty::Impl::next() {
    if (busy || waiting.empty()) return;
    busy = true;
    deadline.expire_after(time_limit);
    if (waiting.front().text.size() >= longest_command)
        return fail(VtyFailure::too_long, "takes no command of more than 4094 bytes");
    if (!stream) return connect();
    if (!stream->send(with_nul(waiting.front().text))) fail(VtyFailure::closed, "closed the connection");
}

void Vty::Impl::connect() {
    enabled = false;
    reader = {};
    life.clear();
    stream =
        std::make_unique<io::StreamClient>(context, io::StreamClient::Options{.path = path, .first_retry = {}},
                                           io::StreamClient::Handlers{
                                               .connected = [this] { on_connected(); },
                                               .received =
                                                   [this](std::span<std::byte> bytes) {
                                                       const auto size = bytes.size();
                                                       on_bytes({reinterpret_cast<const char*>(bytes.data()), size});
                                                       return size;
                                                   },
                                               .closed = [this](std::error_code why) { on_closed(why); },
                                           });
}

void Vty::Impl::on_connected() {
    life = io::socket_life(path);
    stream->send(with_nul(std::string{opening}));
}

void Vty::Impl::on_bytes(std::string_view bytes) {
    if (auto reply = reader.feed(bytes)) return on_reply(std::move(*reply));
    if (reader.size() > longest_reply) fail(VtyFailure::too_long, "answers with more than 64 MiB");
}

void Vty::Impl::on_reply(VtyReply reply) {
    if (!busy) return;
    if (std::exchange(enabled, true)) return finish(std::move(reply));
    if (!stream->send(with_nul(waiting.front().text))) fail(VtyFailure::closed, "closed the connection");
}

void Vty::Impl::on_closed(std::error_code why) {
    stream.reset();
    if (!busy) return;  // the daemon was restarted: the next command connects again
    if (why.value() == EACCES || why.value() == EPERM)
        return fail(VtyFailure::no_permission, "refuses us: run as root or in the group frrvty");
    if (why.value() == ENOENT || why.value() == ECONNREFUSED)
        return fail(VtyFailure::not_running, "is not running (no " + path + "): start it in /etc/frr/daemons");
    fail(VtyFailure::closed, why ? why.message() : "closed the connection: is it being restarted?");
}

void Vty::Impl::fail(VtyFailure failure, const std::string& text) {
    stream.reset();  // a late answer must not be taken for the next command's
    finish(tl::unexpected{VtyError{failure, daemon + " " + text}});
}

void Vty::Impl::finish(base::Result<VtyReply, VtyError> result) {
    deadline.cancel();
    busy = false;
    const auto asked = std::move(waiting.front());
    waiting.pop_front();
    turn.expire_after({});
    asked.answer(std::move(result));
}

Vty::Vty(boost::asio::io_context& context, std::string directory, std::string daemon)
    : impl_{std::make_unique<Impl>(context, std::move(directory), std::move(daemon))} {}

Vty::~Vty() = default;

void Vty::command(std::string text, Answer answer) {
    impl_->waiting.push_back({std::move(text), std::move(answer)});
    impl_->turn.expire_after({});
}

const std::string& Vty::life() const { return impl_->life; }

base::Result<VtyReply, VtyError> VtyTalk::ask(std::string command) {
    std::optional<base::Result<VtyReply, VtyError>> result;
    vty_.command(std::move(command), [&](base::Result<VtyReply, VtyError> got) { result = std::move(got); });
    context_.restart();
    while (!result) context_.run_one();
    return std::move(*result);
}

base::Result<std::string, std::string> vty_read(const std::string& directory, const std::string& daemon,
                                                const std::string& command) {
    auto reply = VtyTalk{directory, daemon}.ask(command);
    if (!reply) return tl::unexpected{reply.error().text};
    if (!reply->ok()) return tl::unexpected{daemon + " refuses \"" + command + "\": " + reply->text};
    return std::move(reply->text);
}

}  // namespace frr
