#include "frr/bfd_dataplane.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "frr/dataplane_connection.hpp"
#include "frr/dataplane_problem.hpp"
#include "frr/dataplane_sessions.hpp"
#include "io/timer.hpp"

namespace frr {

namespace {

using namespace std::chrono_literals;
constexpr auto first_retry = 100ms;
constexpr std::chrono::milliseconds last_retry = 1s;
constexpr auto tick_interval = 1s;
constexpr auto stop_limit = 1s;
constexpr unsigned patience = 600;      // ticks: a lost connection's sessions are forgotten after that
constexpr std::size_t full_burst = 50;  // bfdd's buffer holds 58 ADDs: beyond them sessions may be left over
constexpr std::size_t most_connections = 256;

template <class F, class... A>
void call(const F& f, A&&... arguments) {
    if (f) f(std::forward<A>(arguments)...);
}

}  // namespace

struct BfdDataplane::Impl {
    struct Connection {
        ConnectionId id = 0;
        bool fresh = true;  // its first burst has not ended
        std::unique_ptr<DataplaneConnection> talk;
    };

    Impl(boost::asio::io_context& io, std::string where, BfdDataplaneCallbacks told)
        : context{io}, address{std::move(where)}, callbacks{std::move(told)} {}

    void inherit(DataplaneInheritance inheritance);
    void open();
    void open_in(std::chrono::milliseconds delay);
    void on_tick();
    DataplaneConnection::Events events_of(ConnectionId id);
    void on_add(ConnectionId id, const AddSession& asked);
    void on_delete(ConnectionId id, std::uint32_t lid);
    void on_echo(ConnectionId id, std::size_t adds);
    void on_closed(ConnectionId id, int error, const std::string& why);
    void announce(std::uint32_t lid);
    void bury(ConnectionId id);
    void problem(std::string text);
    void finish_if_heard(bool anyway);

    Connection* find(ConnectionId id) {
        const auto at = std::ranges::find(connections, id, &Connection::id);
        return at == connections.end() ? nullptr : &*at;
    }
    bool is_connected() const {
        return std::ranges::any_of(connections, [](const auto& c) { return c.talk->is_open(); });
    }
    boost::asio::io_context& context;
    std::string address;
    BfdDataplaneCallbacks callbacks;
    std::vector<Connection> connections;  // in the order of their opening
    std::vector<Connection> graves;       // closed, perhaps in one of their own callbacks: freed by the next tick
    DataplaneSessions sessions;
    ConnectionId last_id = 0;
    std::chrono::milliseconds retry = first_retry;
    bool was_connected = false;
    bool echo_noted = false;
    bool stopping = false;
    std::function<void()> stopped;
    std::string last_problem;
    io::Timer retry_timer{context, [this] { open(); }};
    io::Timer tick_timer{context, [this] { on_tick(); }};
    io::Timer stop_timer{context, [this] { finish_if_heard(true); }};
};

void BfdDataplane::Impl::open_in(std::chrono::milliseconds delay) {
    if (!stopping && !retry_timer.is_armed()) retry_timer.expire_after(delay);
}

void BfdDataplane::Impl::inherit(DataplaneInheritance inheritance) {
    for (const auto& session : inheritance.sessions) sessions.recall(session);
    for (auto& connection : inheritance.connections) {
        last_id = std::max(last_id, connection.id);
        was_connected = true;
        connections.push_back({.id = connection.id,
                               .fresh = false,
                               .talk = std::make_unique<DataplaneConnection>(
                                   context, std::move(connection.fd), std::move(connection.rest), inheritance.stamp,
                                   events_of(connection.id))});
    }
    for (const auto& session : inheritance.sessions) {
        last_id = std::max(last_id, session.connection);
        if (session.connection != 0 && find(session.connection) == nullptr) sessions.detach(session.connection);
    }
}

void BfdDataplane::Impl::open() {
    const bool one_is_fresh = std::ranges::any_of(connections, &Connection::fresh);
    if (stopping || one_is_fresh || connections.size() >= most_connections) return;
    const auto where = parse_dataplane_address(address);
    if (!where) return problem(where.error());  // no retry: only another configuration helps
    const auto id = ++last_id;
    try {
        connections.push_back(
            {.id = id, .talk = std::make_unique<DataplaneConnection>(context, *where, events_of(id))});
    } catch (const std::system_error& error) {
        problem(connect_problem(address, error.code().value()));
        open_in(last_retry);
    }
}

DataplaneConnection::Events BfdDataplane::Impl::events_of(ConnectionId id) {
    return {
        .on_add = [this, id](const AddSession& asked) { on_add(id, asked); },
        .on_delete = [this, id](std::uint32_t lid) { on_delete(id, lid); },
        .counters = [this](std::uint32_t lid) { return callbacks.counters ? callbacks.counters(lid) : std::nullopt; },
        .compose = [this, id](std::uint32_t lid) { return sessions.compose(id, lid); },
        .on_sent = [this](const StateMessage& message) { sessions.sent(message); },
        .on_echo = [this, id](std::size_t adds) { on_echo(id, adds); },
        .on_open = [this, id](int fd) { call(callbacks.on_open, id, fd); },
        .on_rest = [this, id](base::Bytes rest) { call(callbacks.on_rest, id, rest); },
        .on_closed = [this, id](int error, std::string why) { on_closed(id, error, why); },
    };
}

void BfdDataplane::Impl::on_add(ConnectionId id, const AddSession& asked) {
    sessions.add(id, asked);
    if (asked.echo && !std::exchange(echo_noted, true))
        call(callbacks.on_note, "bfdd asks for echo-mode, which is not spoken: control packets alone are sent");
    if (!stopping) call(callbacks.on_add, asked);
    announce(asked.lid);
}

void BfdDataplane::Impl::on_delete(ConnectionId id, std::uint32_t lid) {
    if (sessions.remove(id, lid) && !stopping) call(callbacks.on_delete, lid);
}

void BfdDataplane::Impl::announce(std::uint32_t lid) {
    if (const auto connection = find(sessions.connection_of(lid))) connection->talk->announce(lid);
}

// bfdd attaches waiting sessions to a connection it accepts, as many as its buffer takes, and moves those of a closed
// connection to the ones that are open. So: one more connection, until the newest brings nothing.
void BfdDataplane::Impl::on_echo(ConnectionId id, std::size_t adds) {
    was_connected = true;
    retry = first_retry;
    auto& self = *find(id);
    const bool first_answer = std::exchange(self.fresh, false);
    if (stopping) return finish_if_heard(false);
    const bool another_is_spare = std::ranges::any_of(
        connections, [&](const auto& c) { return c.id != id && !c.fresh && sessions.attached_to(c.id) == 0; });
    if (first_answer && sessions.attached_to(id) == 0 && another_is_spare && connections.size() > 2)
        bury(id);
    else if (connections.size() < 2 || (first_answer ? adds > 0 : adds >= full_burst))
        open();
    if (std::ranges::none_of(connections, [](const auto& c) { return c.talk->is_silent(); })) problem("");
}

void BfdDataplane::Impl::on_closed(ConnectionId id, int error, const std::string& why) {
    bury(id);
    sessions.detach(id);
    if (stopping) return finish_if_heard(false);
    if (!is_connected()) problem(error != 0 ? connect_problem(address, error) : lost_problem(address, why));
    if (connections.empty() && std::exchange(was_connected, false)) call(callbacks.on_gone);
    open_in(retry);
    retry = std::min(2 * retry, last_retry);
}

void BfdDataplane::Impl::bury(ConnectionId id) {
    const auto at = std::ranges::find(connections, id, &Connection::id);
    at->talk->close();
    call(callbacks.on_open, id, -1);
    graves.push_back(std::move(*at));
    connections.erase(at);
}

void BfdDataplane::Impl::on_tick() {
    graves.clear();
    for (auto& connection : connections) connection.talk->tick();
    if (std::ranges::any_of(connections, [](const auto& c) { return c.talk->is_silent(); }))
        problem(silent_problem(address));
    for (const auto lid : sessions.age(patience)) call(callbacks.on_delete, lid);
    tick_timer.expire_after(tick_interval);
}

void BfdDataplane::Impl::problem(std::string text) {
    if (text == last_problem) return;
    last_problem = text;
    call(callbacks.on_problem, std::move(text));
}

void BfdDataplane::Impl::finish_if_heard(bool anyway) {
    if (!stopped) return;
    if (!anyway && !std::ranges::all_of(connections, [](const auto& c) { return c.talk->is_answered(); })) return;
    for (auto& connection : connections) {
        connection.talk->close();
        call(callbacks.on_open, connection.id, -1);
    }
    stop_timer.cancel();
    tick_timer.cancel();
    std::move(connections.begin(), connections.end(), std::back_inserter(graves));
    connections.clear();
    boost::asio::post(context, std::exchange(stopped, nullptr));
}

BfdDataplane::BfdDataplane(boost::asio::io_context& context, std::string address, BfdDataplaneCallbacks callbacks,
                           DataplaneInheritance inheritance)
    : impl_{std::make_unique<Impl>(context, std::move(address), std::move(callbacks))} {
    impl_->sessions.on_change = impl_->callbacks.on_change;
    impl_->inherit(std::move(inheritance));
    if (impl_->connections.empty()) impl_->open_in(0ms);
    impl_->tick_timer.expire_after(tick_interval);
}

BfdDataplane::~BfdDataplane() = default;

void BfdDataplane::tell(std::span<const StateChange> changes) {
    for (const auto& change : changes)
        if (impl_->sessions.tell(change.lid, change.status)) impl_->announce(change.lid);
}

void BfdDataplane::stop(std::function<void()> done) {
    auto& self = *impl_;
    self.stopping = true;
    self.stopped = done ? std::move(done) : [] {};
    self.retry_timer.cancel();
    self.sessions.stop();
    // Everything is told before anything closes: what bfdd moves from a closing connection is AdminDown by then.
    for (const auto lid : self.sessions.attached()) self.announce(lid);
    for (auto& connection : self.connections) connection.talk->ask_echo();
    self.stop_timer.expire_after(stop_limit);
    self.finish_if_heard(false);
}

bool BfdDataplane::connected() const { return impl_->is_connected(); }
std::size_t BfdDataplane::connections() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(impl_->connections, [](const auto& c) { return c.talk->is_open(); }));
}
std::size_t BfdDataplane::sessions() const { return impl_->sessions.attached_count(); }

}  // namespace frr
