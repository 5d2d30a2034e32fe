# What differs from system to system. What has no default has to be given.

variable "name" {
  type        = string
  description = "Name of the experiment and of what belongs to it"
  default     = "lambda-faults"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,27}$", var.name))
    error_message = "The name must be up to 28 lower-case letters, digits and hyphens."
  }
}

variable "environment" {
  type        = string
  description = "Value of the tag chaos of what may be hit; nothing else is"
  default     = "staging"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+$", var.environment))
    error_message = "The environment must match ^[A-Za-z0-9_.-]+$."
  }
}

variable "selection" {
  type        = string
  description = "Which of the tagged functions, such as COUNT(1) or PERCENT(50), which is rounded down"
  default     = "COUNT(1)"

  validation {
    condition     = can(regex("^(COUNT\\([1-9][0-9]*\\)|PERCENT\\((100|[1-9][0-9]?)\\))$", var.selection))
    error_message = "The selection must match ^(COUNT\\([1-9][0-9]*\\)|PERCENT\\((100|[1-9][0-9]?)\\))$."
  }
}

variable "configuration_path" {
  type        = string
  description = "Bucket and folder by which FIS talks to its Lambda extension, such as my-bucket/FisConfigs/"

  validation {
    condition     = can(regex("^[a-z0-9.-]{3,63}/[A-Za-z0-9_-]+/$", var.configuration_path))
    error_message = "The configuration_path must match ^[a-z0-9.-]{3,63}/[A-Za-z0-9_-]+/$."
  }
}

variable "api_id" {
  type        = string
  description = "HTTP API in front of the functions, watched by the stop condition"

  validation {
    condition     = can(regex("^[a-z0-9]+$", var.api_id))
    error_message = "The api_id must match ^[a-z0-9]+$."
  }
}

variable "errors_per_minute" {
  type        = number
  description = "HTTP 5xx answers of the API in one minute that stop the experiment"
  default     = 10

  validation {
    condition     = var.errors_per_minute >= 1 && var.errors_per_minute <= 1000000
    error_message = "The errors_per_minute must be from 1 to 1000000."
  }
}

variable "invocation_percentage" {
  type        = number
  description = "Share of the invocations that are hit"
  default     = 25

  validation {
    condition     = var.invocation_percentage >= 1 && var.invocation_percentage <= 100
    error_message = "The invocation_percentage must be from 1 to 100."
  }
}

variable "delay_milliseconds" {
  type        = number
  description = "Delay of the start of an invocation"
  default     = 1000

  validation {
    condition     = var.delay_milliseconds >= 1 && var.delay_milliseconds <= 900000
    error_message = "The delay_milliseconds must be from 1 to 900000."
  }
}

variable "minutes" {
  type        = number
  description = "Minutes that each of the two faults lasts"
  default     = 5

  validation {
    condition     = var.minutes >= 1 && var.minutes <= 60
    error_message = "The minutes must be from 1 to 60."
  }
}
