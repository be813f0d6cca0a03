// The one include of Asio, in the order in which Boost 1.74 compiles: its headers use std::exchange
// without including <utility>.
#pragma once

#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

namespace emstore::daemon {
namespace asio = boost::asio;
}  // namespace emstore::daemon
