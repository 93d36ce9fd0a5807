#include "daemon/control_socket.hpp"

#include <sys/stat.h>
#include <sys/un.h>

#include <chrono>
#include <istream>
#include <stdexcept>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

namespace wgbfd {
namespace {

using boost::asio::local::stream_protocol;
using boost::system::error_code;

constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path);
constexpr auto pause_after_failure = std::chrono::milliseconds{100};

nlohmann::json failure(const std::string& why) { return {{"ok", false}, {"error", why}}; }

}  // namespace

ControlSocket::ControlSocket(boost::asio::io_context& context, const std::filesystem::path& path, Handler handler,
                             SlowHandler slow, base::UniqueFd left)
    : path_{path}, handler_{std::move(handler)}, slow_{std::move(slow)}, acceptor_{context}, accept_again_{context} {
    if (path.string().size() >= longest_path)
        throw std::runtime_error{path.string() + " is too long for a socket: give a shorter --run-dir"};
    if (left)
        acceptor_.assign(stream_protocol{}, left.release());
    else
        bind();
    acceptor_.listen();  // a client is told the pid of who called it last
    accept();
}

void ControlSocket::bind() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    acceptor_.open(stream_protocol{});
    const auto before = ::umask(0077);  // root alone
    error_code error;
    acceptor_.bind(stream_protocol::endpoint{path_.string()}, error);
    ::umask(before);
    if (error) throw std::system_error{error.value(), std::system_category(), "cannot bind " + path_.string()};
}

ControlSocket::~ControlSocket() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

ControlSocket::Client* ControlSocket::find(ClientId id) {
    const auto found = clients_.find(id);
    return found == clients_.end() || found->second->closed ? nullptr : found->second.get();
}

void ControlSocket::close(ClientId id) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) return;
    auto& client = *found->second;
    client.closed = true;
    error_code ignored;
    client.socket.close(ignored);
    reap(id);
}

void ControlSocket::reap(ClientId id) {
    const auto found = clients_.find(id);
    if (found != clients_.end() && found->second->closed && found->second->under_way == 0) clients_.erase(found);
}

bool ControlSocket::finished(ClientId id, bool failed) {
    --clients_.at(id)->under_way;
    if (failed)
        close(id);
    else
        reap(id);
    return find(id) == nullptr;
}

void ControlSocket::accept() {
    acceptor_.async_accept([this](const error_code& error, stream_protocol::socket socket) {
        if (error == boost::asio::error::operation_aborted) return;
        if (error) {  // out of file descriptors, say: asking again at once would be a busy loop
            accept_again_.expires_after(pause_after_failure);
            accept_again_.async_wait([this](const error_code& cancelled) {
                if (!cancelled) accept();
            });
            return;
        }
        const auto id = next_++;
        clients_.emplace(id, std::make_unique<Client>(std::move(socket)));
        read(id);
        accept();
    });
}

void ControlSocket::read(ClientId id) {
    auto* client = find(id);
    ++client->under_way;
    boost::asio::async_read_until(client->socket, client->in, '\n', [this, id](const error_code& error, std::size_t) {
        if (finished(id, error.failed())) return;
        std::istream in{&find(id)->in};
        std::string line;
        std::getline(in, line);
        on_line(id, line);
        if (const auto* asker = find(id); asker != nullptr && !asker->waits) read(id);
    });
}

void ControlSocket::on_line(ClientId id, const std::string& line) {
    const auto request = nlohmann::json::parse(line, nullptr, false);
    if (!request.is_object() || !request.contains("command") || !request["command"].is_string()) {
        send(id, failure("a request is one JSON object a line, with \"command\"").dump());
        return;
    }
    auto* const asker = find(id);
    const bool is_events = request["command"] == "events";
    asker->will_follow = is_events ? request.value("follow", nlohmann::json(false)) == true : asker->follows;
    asker->waits = true;
    if (slow_ && slow_(request, [this, id](std::string result) { on_reply(id, std::move(result)); })) return;
    asker->waits = false;
    nlohmann::json answer;
    try {
        answer = {{"ok", true}, {"result", handler_(request)}};
    } catch (const std::runtime_error& error) {
        answer = failure(error.what());
    } catch (const nlohmann::json::exception& error) {
        answer = failure(std::string{"a field of the request has the wrong type: "} + error.what());
    }
    if (answer["ok"] == true && is_events) asker->follows = asker->will_follow;
    send(id, answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void ControlSocket::on_reply(ClientId id, std::string result) {
    auto* client = find(id);
    if (client == nullptr) return;  // it has gone
    client->waits = false;
    client->follows = client->will_follow;
    result.insert(0, R"({"ok":true,"result":)").append("}");
    send(id, std::move(result));
    if (find(id) != nullptr) read(id);
}

void ControlSocket::send(ClientId id, std::string line) {
    auto* client = find(id);
    if (client == nullptr) return;
    line += '\n';
    if (client->backlog != 0 && client->backlog + line.size() > longest_backlog) {
        close(id);  // it does not read
        return;
    }
    client->backlog += line.size();
    client->out.push_back(std::move(line));
    if (client->out.size() == 1) write(id);
}

void ControlSocket::write(ClientId id) {
    auto* client = find(id);
    ++client->under_way;
    boost::asio::async_write(client->socket, boost::asio::buffer(client->out.front()),
                             [this, id](const error_code& error, std::size_t) {
                                 if (finished(id, error.failed())) return;
                                 auto* writer = find(id);
                                 writer->backlog -= writer->out.front().size();
                                 writer->out.pop_front();
                                 if (!writer->out.empty()) write(id);
                             });
}

void ControlSocket::publish(const std::string& event) {
    std::vector<ClientId> followers;
    for (const auto& [id, client] : clients_)
        if (client->follows) followers.push_back(id);
    for (const auto id : followers) send(id, event);
}

}  // namespace wgbfd
