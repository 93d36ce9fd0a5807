#include "daemon/http.hpp"

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace wgbfd {
namespace {

using namespace std::chrono_literals;
namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr auto patience = 10s;  // for a request, and for a client to take its page
constexpr auto again_after = 3s;
constexpr const char* hint = "GET /metrics is all there is\n";
constexpr std::uint32_t longest_header = 8 * 1024;
constexpr std::uint64_t longest_body = 1024;  // nobody needs one

std::string fix_for(const error_code& error) {
    if (error == boost::asio::error::address_in_use)
        return "somebody else listens there (`ss -ltnp` says who): end it, or change [metrics] listen";
    if (error == boost::system::errc::address_not_available)
        return "this host has no such address: change [metrics] listen";
    if (error == boost::system::errc::permission_denied) return "a port below 1024 needs root";
    return "check [metrics] listen";
}

std::optional<tcp::endpoint> endpoint_of(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    if (error) return std::nullopt;
    return tcp::endpoint{address, static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

// It speaks, but no HTTP that we take.
bool is_malformed(const error_code& error) {
    return error.category() == http::make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
}

struct Client {
    explicit Client(tcp::socket socket) : stream{std::move(socket)} {}
    boost::beast::tcp_stream stream;
    boost::beast::flat_buffer in{longest_header};
    std::optional<http::request_parser<http::string_body>> request;
    http::response<http::span_body<const char>> response;
    Http::Page page;  // that the response shows
};

Http::Page hint_page() { return std::make_shared<const std::string>(hint); }

}  // namespace

struct Http::State : std::enable_shared_from_this<State> {
    State(boost::asio::io_context& context, std::string where, const char* type, Events to)
        : address{std::move(where)}, content_type{type}, events{std::move(to)}, acceptor{context}, again{context} {}

    void listen();
    void fail(const error_code& error);
    void listen_later();
    void accept();
    void let_in();
    void read(const std::shared_ptr<Client>& client);
    void answer(const std::shared_ptr<Client>& client);
    void refuse(const std::shared_ptr<Client>& client);
    void respond(const std::shared_ptr<Client>& client, http::status status, Page body);
    void write(const std::shared_ptr<Client>& client);
    void drop_an_idle();
    void leave();

    std::string address, problem;
    const char* content_type;
    Events events;
    tcp::acceptor acceptor;
    boost::asio::steady_timer again;
    std::size_t clients = 0;
    std::vector<std::shared_ptr<Client>> idle;  // … of them that have asked nothing yet, or again; longest first
    std::optional<tcp::socket> at_the_door;
    bool accepting = false;
    bool alive = true;
};

void Http::State::fail(const error_code& error) {
    auto now = "metrics " + address + ": " + error.message() + ": " + fix_for(error);
    if (std::exchange(problem, now) != now) events.on_note("problem=\"" + now + "\"");
    error_code ignored;
    acceptor.close(ignored);
    listen_later();
}

void Http::State::listen_later() {
    again.expires_after(again_after);
    again.async_wait([self = shared_from_this()](const error_code& cancelled) {
        if (!cancelled && self->alive) self->listen();
    });
}

void Http::State::listen() {
    const auto endpoint = endpoint_of(address);
    if (!endpoint) {
        problem = "[metrics] listen \"" + address + "\" is no address";
        return;
    }
    error_code error;
    acceptor.open(endpoint->protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address{true}, error);
    if (!error) acceptor.bind(*endpoint, error);
    if (!error) acceptor.listen(static_cast<int>(most_clients), error);
    if (error) return fail(error);
    if (!std::exchange(problem, {}).empty()) events.on_note("listens address=" + address);
    let_in();
}

void Http::State::accept() {
    acceptor.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
        self->accepting = false;
        if (!self->alive) return;
        if (error) return self->fail(error);  // out of descriptors, say
        self->at_the_door.emplace(std::move(socket));
        self->let_in();
    });
}

// One waits at the door until somebody leaves, or is silent.
void Http::State::let_in() {
    if (at_the_door && (clients < most_clients || !idle.empty())) {
        if (clients >= most_clients) drop_an_idle();
        ++clients;
        read(std::make_shared<Client>(std::move(*std::exchange(at_the_door, std::nullopt))));
    }
    if (alive && acceptor.is_open() && !at_the_door && !std::exchange(accepting, true)) accept();
}

void Http::State::drop_an_idle() {
    const auto longest = idle.front();
    idle.erase(idle.begin());
    longest->stream.close();  // its read ends, and with it the client
}

void Http::State::leave() {
    --clients;
    let_in();
}

void Http::State::read(const std::shared_ptr<Client>& client) {
    client->request.emplace();
    client->request->header_limit(longest_header);
    client->request->body_limit(longest_body);
    client->stream.expires_after(patience);
    idle.push_back(client);
    http::async_read(client->stream, client->in, *client->request,
                     [self = shared_from_this(), client](const error_code& error, std::size_t) {
                         std::erase(self->idle, client);
                         if (!self->alive) return self->leave();
                         if (is_malformed(error)) return self->refuse(client);
                         if (error) return self->leave();
                         self->answer(client);
                     });
}

void Http::State::answer(const std::shared_ptr<Client>& client) {
    const auto& request = client->request->get();
    if (request.method() != http::verb::get && request.method() != http::verb::head)
        return respond(client, http::status::method_not_allowed, hint_page());
    const auto target = request.target();
    if (target.substr(0, target.find('?')) != "/metrics") return respond(client, http::status::not_found, hint_page());
    client->stream.expires_never();
    events.metrics([weak = weak_from_this(), client](Page page) {
        if (const auto self = weak.lock(); self && self->alive)
            self->respond(client, http::status::ok, std::move(page));
    });
}

void Http::State::refuse(const std::shared_ptr<Client>& client) {
    auto& response = client->response = {http::status::bad_request, 11};
    response.set(http::field::content_type, "text/plain");
    response.keep_alive(false);
    client->page = hint_page();
    response.body() = *client->page;
    response.prepare_payload();
    write(client);
}

void Http::State::respond(const std::shared_ptr<Client>& client, http::status status, Page body) {
    const auto& request = client->request->get();
    auto& response = client->response = {status, request.version()};
    response.set(http::field::content_type, status == http::status::ok ? content_type : "text/plain");
    response.keep_alive(request.keep_alive());
    response.content_length(body->size());
    client->page = std::move(body);
    if (request.method() != http::verb::head) response.body() = *client->page;
    write(client);
}

void Http::State::write(const std::shared_ptr<Client>& client) {
    client->response.set(http::field::server, "wgbfd");
    client->stream.expires_after(patience);
    http::async_write(client->stream, client->response,
                      [self = shared_from_this(), client](const error_code& error, std::size_t) {
                          client->page.reset();
                          if (error || !self->alive || !client->response.keep_alive()) return self->leave();
                          self->read(client);
                          self->let_in();
                      });
}

Http::Http(boost::asio::io_context& context, const std::string& address, const char* content_type, Events events)
    : state_{std::make_shared<State>(context, address, content_type, std::move(events))} {
    state_->listen();
}

Http::~Http() {
    state_->alive = false;
    error_code ignored;
    state_->acceptor.close(ignored);
    state_->again.cancel();
}

const std::string& Http::address() const { return state_->address; }
const std::string& Http::problem() const { return state_->problem; }

}  // namespace wgbfd
