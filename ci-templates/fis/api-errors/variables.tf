# What differs from system to system. What has no default has to be given.

variable "name" {
  type        = string
  description = "Name of the experiment and of what belongs to it"
  default     = "api-errors"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,27}$", var.name))
    error_message = "The name must be up to 28 lower-case letters, digits and hyphens."
  }
}

variable "environment" {
  type        = string
  description = "Environment that is hit, as the template's tag says"
  default     = "staging"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+$", var.environment))
    error_message = "The environment must match ^[A-Za-z0-9_.-]+$."
  }
}

variable "role_name" {
  type        = string
  description = "IAM role whose calls are hit, such as that of the application's instances"

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.role_name))
    error_message = "The role_name must match ^[A-Za-z0-9+=,.@_-]{1,64}$."
  }
}

variable "service" {
  type        = string
  description = "API that is hit"
  default     = "ec2"

  validation {
    condition     = contains(["ec2", "kinesis"], var.service)
    error_message = "The service must be one of ec2, kinesis."
  }
}

variable "operations" {
  type        = string
  description = "Operations that are hit and the application calls all the time, with commas between them"

  validation {
    condition     = can(regex("^[A-Za-z]+(,[A-Za-z]+)*$", var.operations))
    error_message = "The operations must match ^[A-Za-z]+(,[A-Za-z]+)*$."
  }
}

variable "percentage" {
  type        = number
  description = "Share of the calls that are hit"
  default     = 50

  validation {
    condition     = var.percentage >= 1 && var.percentage <= 100
    error_message = "The percentage must be from 1 to 100."
  }
}

variable "load_balancer" {
  type        = string
  description = "Application load balancer in front of it, such as app/staging/0123456789abcdef"

  validation {
    condition     = can(regex("^app/[^/]+/[0-9a-f]+$", var.load_balancer))
    error_message = "The load_balancer must match ^app/[^/]+/[0-9a-f]+$."
  }
}

variable "errors_per_minute" {
  type        = number
  description = "HTTP 5xx answers of the application in one minute that stop the experiment"
  default     = 10

  validation {
    condition     = var.errors_per_minute >= 1 && var.errors_per_minute <= 1000000
    error_message = "The errors_per_minute must be from 1 to 1000000."
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
