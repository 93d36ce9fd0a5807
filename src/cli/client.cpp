#include "cli/client.hpp"

#include <sys/un.h>

#include <cerrno>
#include <istream>
#include <stdexcept>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

namespace cli {
namespace {

using boost::asio::local::stream_protocol;

class Connection {
public:
    explicit Connection(const wgbfd::RunDir& run_dir) : socket_{context_} {
        const auto path = run_dir.control_socket().string();
        if (path.size() >= sizeof(sockaddr_un::sun_path))
            throw std::runtime_error{path + " is too long for a socket: give a shorter --run-dir"};
        boost::system::error_code error;
        socket_.connect(stream_protocol::endpoint{path}, error);
        if (!error) return;
        if (error.value() == EACCES) throw std::runtime_error{"permission denied on " + path + ": run this as root"};
        throw std::runtime_error{"no daemon answers at " + path + ": start 'wgbfd run', or name its --run-dir"};
    }

    void send(const nlohmann::json& request) {
        boost::system::error_code error;
        boost::asio::write(socket_, boost::asio::buffer(request.dump() + "\n"), error);
        if (error) throw std::runtime_error{"the daemon closed the connection: " + error.message()};
    }

    // The next object; false when the daemon has closed the connection.
    bool receive(nlohmann::json& out) {
        boost::system::error_code error;
        boost::asio::read_until(socket_, buffer_, '\n', error);
        if (error) return false;
        std::istream in{&buffer_};
        std::string line;
        std::getline(in, line);
        out = nlohmann::json::parse(line, nullptr, false);
        return !out.is_discarded();
    }

private:
    boost::asio::io_context context_;
    stream_protocol::socket socket_;
    boost::asio::streambuf buffer_;
};

nlohmann::json result_of(Connection& connection, const nlohmann::json& request) {
    connection.send(request);
    nlohmann::json answer;
    if (!connection.receive(answer)) throw std::runtime_error{"the daemon closed the connection without an answer"};
    if (!answer.value("ok", false)) throw std::runtime_error{answer.value("error", std::string{"unknown error"})};
    return answer["result"];
}

}  // namespace

nlohmann::json ask(const wgbfd::RunDir& run_dir, const nlohmann::json& request) {
    Connection connection{run_dir};
    return result_of(connection, request);
}

void follow(const wgbfd::RunDir& run_dir, const std::function<bool(const nlohmann::json&)>& on_event) {
    Connection connection{run_dir};
    for (const auto& event : result_of(connection, {{"command", "events"}, {"follow", true}}))
        if (!on_event(event)) return;
    nlohmann::json event;
    while (connection.receive(event))
        if (!on_event(event)) return;
}

}  // namespace cli
