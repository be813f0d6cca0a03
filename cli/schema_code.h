// A schema as what makes it again: the document, and code for two builders. Pure.
#pragma once

#include <emstore/value.hpp>

#include <string>

namespace emstore::cli {

// The document that schema.get answers with, in the form of bknd's schema.toJSON(): what emstore
// has by itself, ids among it, is left out. Applied, it changes nothing.
Map portable_schema(const Map& document);

// Code for bknd's builder, `em({…}, ({ relation, index }, {…}) => {…})`, and for that of
// <emstore/client.hpp>: a function wanted_schema(). Both are whole files.
std::string typescript_of(const Map& document);
std::string cpp_of(const Map& document);

}  // namespace emstore::cli
