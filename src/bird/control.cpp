#include "bird/control.hpp"

#include <cerrno>
#include <chrono>
#include <deque>
#include <optional>
#include <system_error>
#include <utility>

#include "io/socket_life.hpp"
#include "io/stream_client.hpp"
#include "io/timer.hpp"

namespace bird {
namespace {

using namespace std::chrono_literals;
constexpr auto time_limit = 3s;

// Why there is no connection, and what to do.
ControlError explain(const std::string& path, std::error_code why) {
    const auto where = "BIRD's control socket " + path;
    switch (why.value()) {
        case 0: return {ControlFailure::closed, where + " was closed: is BIRD being restarted?"};
        case EACCES:
        case EPERM:
            return {ControlFailure::no_permission,
                    where + " refuses us: run wgbfd as root or in BIRD's group (on Debian: bird)"};
        case ENOENT:
        case ECONNREFUSED:
            return {
                ControlFailure::not_running,
                where + " is not there: start BIRD, or correct control in [bird] (birdc -s PATH shows the right one)"};
        default: return {ControlFailure::closed, where + ": " + why.message()};
    }
}

}  // namespace

struct Control::Impl {
    struct Asked {
        std::string text;
        Answer answer;
    };

    Impl(boost::asio::io_context& io, std::string where, Handlers hands)
        : context{io},
          path{std::move(where)},
          handlers{std::move(hands)},
          deadline{context, [this] { on_timeout(); }},
          turn{context, [this] { next(); }},
          stream{context, io::StreamClient::Options{.path = path},
                 io::StreamClient::Handlers{
                     .connected = [this] { on_connected(); },
                     .received =
                         [this](std::span<std::byte> bytes) {
                             const auto size = bytes.size();
                             on_bytes({reinterpret_cast<const char*>(bytes.data()), size});
                             return size;
                         },
                     .closed = [this](std::error_code why) { on_closed(why); },
                 }} {}

    void next();
    void on_connected();
    void on_bytes(std::string_view bytes);
    void on_greeting(const Reply& greeting);
    void on_closed(std::error_code why);
    void on_timeout();
    void drop(ControlError why);
    void finish(base::Result<Reply, ControlError> result);

    boost::asio::io_context& context;
    std::string path, life;
    Handlers handlers;
    std::deque<Asked> waiting;  // the first one is under way when `busy`
    bool busy = false;
    bool greeted = false;
    ReplyReader reader;
    std::optional<ControlError> dropped_for;  // we end the connection: this is why
    io::Timer deadline;
    io::Timer turn;  // a call of its own for whatever a caller or a handler set off
    io::StreamClient stream;
};

void Control::Impl::next() {
    if (busy || waiting.empty()) return;
    busy = true;
    const auto line = waiting.front().text + '\n';
    if (line.size() > longest_command)
        return finish(tl::unexpected{ControlError{ControlFailure::too_long, "BIRD takes no command so long"}});
    deadline.expire_after(time_limit);
    // What cannot be sent is answered when the end of the connection is told.
    stream.send(std::as_bytes(std::span{line.data(), line.size()}));
}

void Control::Impl::on_connected() {
    life = io::socket_life(path);
    deadline.expire_after(time_limit);  // for the greeting
}

void Control::Impl::on_bytes(std::string_view bytes) {
    if (!reader.feed(bytes))
        return drop({ControlFailure::no_bird, path + " does not speak as BIRD does: correct control in [bird]"});
    while (reader.next_async()) {
    }
    while (auto reply = reader.next()) {
        if (!greeted)
            on_greeting(*reply);
        else if (busy)
            finish(*std::move(reply));
        if (dropped_for) return;
    }
}

void Control::Impl::on_greeting(const Reply& greeting) {
    const auto version = parse_greeting(greeting);
    if (!version) return drop({ControlFailure::no_bird, path + " is not BIRD's: correct control in [bird]"});
    greeted = true;
    deadline.cancel();
    if (handlers.ready) handlers.ready(*version);
}

// The end comes from within the stream's own handler too, so it is made in a turn of its own.
void Control::Impl::drop(ControlError why) {
    dropped_for = std::move(why);
    deadline.expire_after({});
}

void Control::Impl::on_timeout() {
    if (!dropped_for)
        dropped_for = ControlError{ControlFailure::timeout, "BIRD does not answer within 3 s on " + path +
                                                                ": it is busy with its routes, or hangs"};
    stream.reconnect();  // a late answer must not be taken for the next command's
}

void Control::Impl::on_closed(std::error_code why) {
    deadline.cancel();
    greeted = false;
    reader = {};
    const auto error = dropped_for ? *std::exchange(dropped_for, std::nullopt) : explain(path, why);
    busy = false;
    for (auto& asked : std::exchange(waiting, {})) asked.answer(tl::unexpected{error});
    if (handlers.lost) handlers.lost(error);
}

void Control::Impl::finish(base::Result<Reply, ControlError> result) {
    deadline.cancel();
    busy = false;
    const auto asked = std::move(waiting.front());
    waiting.pop_front();
    turn.expire_after({});
    asked.answer(std::move(result));
}

Control::Control(boost::asio::io_context& context, std::string path, Handlers handlers)
    : impl_{std::make_unique<Impl>(context, std::move(path), std::move(handlers))} {}

Control::~Control() = default;

void Control::command(std::string text, Answer answer) {
    impl_->waiting.push_back({std::move(text), std::move(answer)});
    impl_->turn.expire_after({});
}

bool Control::is_ready() const { return impl_->greeted; }
const std::string& Control::life() const { return impl_->life; }

namespace {

template <class T>
base::Result<T, ControlError> wait_for(
    const std::string& path, const std::function<void(Control&, const Version&, std::function<void(T)>)>& then) {
    boost::asio::io_context context{1};
    std::optional<base::Result<T, ControlError>> result;
    std::unique_ptr<Control> control;
    control = std::make_unique<Control>(
        context, path,
        Control::Handlers{
            .ready = [&](const Version& v) { then(*control, v, [&](T value) { result = std::move(value); }); },
            .lost =
                [&](const ControlError& error) {
                    if (!result) result = tl::unexpected{error};
                }});
    while (!result) context.run_one();
    return *std::move(result);
}

}  // namespace

base::Result<Reply, ControlError> ask(const std::string& path, const std::string& command) {
    return wait_for<Reply>(path, [&](Control& control, const Version&, const std::function<void(Reply)>& done) {
        control.command(command, [done](base::Result<Reply, ControlError> answer) {
            if (answer) done(*std::move(answer));  // else `lost` follows
        });
    });
}

base::Result<Version, ControlError> ask_version(const std::string& path) {
    return wait_for<Version>(
        path, [](Control&, const Version& version, const std::function<void(Version)>& done) { done(version); });
}

}  // namespace bird
